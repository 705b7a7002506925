-- Made by tests/support/schema-dump.ts; `UPDATE_GOLDEN=1 npm test` writes it anew.
-- roles
bailiwick_auditor
bailiwick_migrator
bailiwick_operator
bailiwick_owner
bailiwick_service
bailiwick_sync

-- schemas
audit owner=bailiwick_owner bailiwick_auditor=U/bailiwick_owner bailiwick_operator=U/bailiwick_owner bailiwick_owner=UC/bailiwick_owner bailiwick_service=U/bailiwick_owner bailiwick_sync=U/bailiwick_owner
identity owner=bailiwick_owner bailiwick_auditor=U/bailiwick_owner bailiwick_operator=U/bailiwick_owner bailiwick_owner=UC/bailiwick_owner bailiwick_service=U/bailiwick_owner bailiwick_sync=U/bailiwick_owner
public owner=pg_database_owner =U/pg_database_owner pg_database_owner=UC/pg_database_owner
security owner=bailiwick_owner bailiwick_operator=U/bailiwick_owner bailiwick_owner=UC/bailiwick_owner bailiwick_service=U/bailiwick_owner bailiwick_sync=U/bailiwick_owner
sync owner=bailiwick_owner bailiwick_operator=U/bailiwick_owner bailiwick_owner=UC/bailiwick_owner bailiwick_service=U/bailiwick_owner bailiwick_sync=U/bailiwick_owner

-- tables
audit.access_log table owner=bailiwick_owner rls forced
audit.access_log_other table owner=bailiwick_owner rls forced
audit.checkpoint table owner=bailiwick_owner rls forced
audit.decision table owner=bailiwick_owner rls forced
audit.decision_other table owner=bailiwick_owner rls forced
audit.idempotency_claim table owner=bailiwick_owner rls forced
audit.ledger table owner=bailiwick_owner rls forced
audit.pending_grant table owner=bailiwick_owner rls forced
audit.pruned table owner=bailiwick_owner rls forced
audit.seal table owner=bailiwick_owner rls forced
identity.impersonation table owner=bailiwick_owner rls forced
identity.mail_outbox table owner=bailiwick_owner rls forced
identity.mailer table owner=bailiwick_owner rls forced
identity.platform_admin table owner=bailiwick_owner rls forced
identity.session table owner=bailiwick_owner rls forced
identity.signing_key table owner=bailiwick_owner rls forced
identity.tenant table owner=bailiwick_owner rls forced
identity.tenant_audit table owner=bailiwick_owner rls forced
public.roles view owner=bailiwick_owner with=security_invoker=true
public.tenants view owner=bailiwick_owner with=security_invoker=true
public.user_assignments view owner=bailiwick_owner with=security_invoker=true
public.user_roles view owner=bailiwick_owner with=security_invoker=true
public.users view owner=bailiwick_owner with=security_invoker=true
security.access_policy table owner=bailiwick_owner rls forced
security.access_review table owner=bailiwick_owner rls forced
security.admin_path view owner=bailiwick_owner with=security_invoker=true
security.admin_way view owner=bailiwick_owner with=security_invoker=true
security.app_user table owner=bailiwick_owner rls forced
security.credential table owner=bailiwick_owner rls forced
security.delegated_member table owner=bailiwick_owner rls forced
security.delegation table owner=bailiwick_owner rls forced
security.elevation table owner=bailiwick_owner rls forced
security.emergency_access table owner=bailiwick_owner rls forced
security.emergency_role table owner=bailiwick_owner rls forced
security.permission table owner=bailiwick_owner
security.preset_role table owner=bailiwick_owner
security.record table owner=bailiwick_owner rls forced
security.review_item table owner=bailiwick_owner rls forced
security.role table owner=bailiwick_owner rls forced
security.role_permission table owner=bailiwick_owner rls forced
security.service_key table owner=bailiwick_owner rls forced
security.sign_in_failure table owner=bailiwick_owner rls forced
security.sign_in_source table owner=bailiwick_owner rls forced
security.team_structure table owner=bailiwick_owner rls forced
security.tenant_admin table owner=bailiwick_owner rls forced
security.user_assignment table owner=bailiwick_owner rls forced
security.user_role table owner=bailiwick_owner rls forced
sync.applied table owner=bailiwick_owner
sync.claim table owner=bailiwick_owner
sync.epoch table owner=bailiwick_owner
sync.model table owner=bailiwick_owner
sync.outbox table owner=bailiwick_owner with=fillfactor=80,autovacuum_vacuum_scale_factor=0,autovacuum_vacuum_threshold=5000,autovacuum_vacuum_insert_scale_factor=0,autovacuum_vacuum_insert_threshold=20000

-- columns
audit.access_log.id bigint not null identity
audit.access_log.tenant_id text not null
audit.access_log.actor_user_id text
audit.access_log.accessed_entity_type text not null
audit.access_log.accessed_entity_id text not null
audit.access_log.access_action text not null
audit.access_log.purpose text not null
audit.access_log.accessed_at timestamp with time zone not null default now()
audit.access_log.details jsonb not null default '{}'::jsonb
audit.access_log.actor_role text
audit.access_log.impersonation_id text
audit.access_log.request_id text
audit.access_log.change_id text
audit.access_log.xid xid8 not null default pg_current_xact_id()
audit.access_log_other.id bigint not null
audit.access_log_other.tenant_id text not null
audit.access_log_other.actor_user_id text
audit.access_log_other.accessed_entity_type text not null
audit.access_log_other.accessed_entity_id text not null
audit.access_log_other.access_action text not null
audit.access_log_other.purpose text not null
audit.access_log_other.accessed_at timestamp with time zone not null default now()
audit.access_log_other.details jsonb not null default '{}'::jsonb
audit.access_log_other.actor_role text
audit.access_log_other.impersonation_id text
audit.access_log_other.request_id text
audit.access_log_other.change_id text
audit.access_log_other.xid xid8 not null default pg_current_xact_id()
audit.checkpoint.lane text not null
audit.checkpoint.size bigint not null
audit.checkpoint.note text not null
audit.checkpoint.signed_at timestamp with time zone not null default clock_timestamp()
audit.decision.decision_id uuid not null
audit.decision.decided_at timestamp with time zone not null
audit.decision.api text not null
audit.decision.tenant_id text not null
audit.decision.caller_kind text not null
audit.decision.caller_id text not null
audit.decision.subject_user_id text not null
audit.decision.permission text not null
audit.decision.object text not null
audit.decision.answer text not null
audit.decision.listed integer
audit.decision.source text not null
audit.decision.problem text
audit.decision.model_id text
audit.decision.sync_position bigint
audit.decision.latency_us integer not null
audit.decision.request_id text not null
audit.decision.xid xid8 not null default pg_current_xact_id()
audit.decision.explanation jsonb
audit.decision_other.decision_id uuid not null
audit.decision_other.decided_at timestamp with time zone not null
audit.decision_other.api text not null
audit.decision_other.tenant_id text not null
audit.decision_other.caller_kind text not null
audit.decision_other.caller_id text not null
audit.decision_other.subject_user_id text not null
audit.decision_other.permission text not null
audit.decision_other.object text not null
audit.decision_other.answer text not null
audit.decision_other.listed integer
audit.decision_other.source text not null
audit.decision_other.problem text
audit.decision_other.model_id text
audit.decision_other.sync_position bigint
audit.decision_other.latency_us integer not null
audit.decision_other.request_id text not null
audit.decision_other.xid xid8 not null default pg_current_xact_id()
audit.decision_other.explanation jsonb
audit.idempotency_claim.id text not null default (gen_random_uuid())::text
audit.idempotency_claim.tenant_id text not null
audit.idempotency_claim.caller_id text not null
audit.idempotency_claim.operation_id text not null
audit.idempotency_claim.key text not null
audit.idempotency_claim.fingerprint bytea not null
audit.idempotency_claim.claimed_at timestamp with time zone not null default now()
audit.idempotency_claim.effected_at timestamp with time zone
audit.idempotency_claim.status integer
audit.idempotency_claim.answer jsonb
audit.ledger.lane text not null
audit.ledger.origin text not null
audit.pending_grant.id bigint not null identity
audit.pending_grant.xid xid8 not null default pg_current_xact_id()
audit.pending_grant.tenant_id text not null
audit.pending_grant.role_id text not null
audit.pending_grant.added text[] not null
audit.pending_grant.removed text[] not null
audit.pruned.lane text not null
audit.pruned.partition text not null
audit.pruned.seqs int8multirange not null
audit.pruned.entry_id bigint not null
audit.pruned.pruned_at timestamp with time zone not null default now()
audit.seal.lane text not null
audit.seal.batch bigint not null
audit.seal.first_seq bigint not null
audit.seal.last_seq bigint not null
audit.seal.last_xid xid8 not null
audit.seal.last_id text not null
audit.seal.prev bytea not null
audit.seal.head bytea not null
audit.seal.root bytea not null
audit.seal.frontier bytea not null
audit.seal.leaves bytea not null
audit.seal.first_at timestamp with time zone not null
audit.seal.last_at timestamp with time zone not null
audit.seal.sealed_at timestamp with time zone not null default clock_timestamp()
identity.impersonation.id text not null default (gen_random_uuid())::text
identity.impersonation.actor_user_id text not null
identity.impersonation.tenant_id text not null
identity.impersonation.reason text not null
identity.impersonation.started_at timestamp with time zone not null default now()
identity.impersonation.expires_at timestamp with time zone not null default (now() + '01:00:00'::interval)
identity.impersonation.ended_at timestamp with time zone
identity.impersonation.ticket text
identity.impersonation.is_emergency boolean not null default false
identity.mail_outbox.id uuid not null
identity.mail_outbox.tenant_id text
identity.mail_outbox.to_address text not null
identity.mail_outbox.template text not null
identity.mail_outbox.content bytea
identity.mail_outbox.created_at timestamp with time zone not null default now()
identity.mail_outbox.expires_at timestamp with time zone not null default (now() + '24:00:00'::interval)
identity.mail_outbox.not_before timestamp with time zone not null default now()
identity.mail_outbox.attempts integer not null default 0
identity.mail_outbox.lease uuid
identity.mail_outbox.leased_until timestamp with time zone
identity.mail_outbox.last_error text
identity.mail_outbox.sent_at timestamp with time zone
identity.mail_outbox.gave_up_at timestamp with time zone
identity.mailer.only_row boolean not null default true
identity.mailer.host text not null
identity.mailer.port integer not null
identity.mailer.security text not null
identity.mailer.username text
identity.mailer.password bytea
identity.mailer.from_address text not null
identity.mailer.from_name text not null default ''::text
identity.mailer.updated_at timestamp with time zone not null default now()
identity.mailer.updated_by text not null
identity.platform_admin.user_id text not null
identity.platform_admin.granted_at timestamp with time zone not null default now()
identity.session.id text not null default (gen_random_uuid())::text
identity.session.user_id text not null
identity.session.tenant_id text
identity.session.impersonation_id text
identity.session.created_at timestamp with time zone not null default now()
identity.session.last_seen_at timestamp with time zone not null default now()
identity.session.expires_at timestamp with time zone not null
identity.session.revoked_at timestamp with time zone
identity.signing_key.kid text not null
identity.signing_key.algorithm text not null
identity.signing_key.public_jwk jsonb not null
identity.signing_key.private_key bytea not null
identity.signing_key.created_at timestamp with time zone not null default now()
identity.signing_key.signs_from timestamp with time zone not null
identity.tenant.id text not null default (gen_random_uuid())::text
identity.tenant.slug text not null
identity.tenant.name text not null
identity.tenant.status text not null default 'active'::text
identity.tenant.preset text not null
identity.tenant.created_at timestamp with time zone not null default now()
identity.tenant.show_one_time_passwords boolean not null default true
identity.tenant_audit.id bigint not null identity
identity.tenant_audit.tenant_id text not null
identity.tenant_audit.event_type text not null
identity.tenant_audit.ts timestamp with time zone not null default now()
identity.tenant_audit.actor_user_id text
identity.tenant_audit.details jsonb not null default '{}'::jsonb
public.roles.id text
public.roles.name text
public.roles.description text
public.roles.is_system boolean
public.tenants.id text
public.tenants.name text
public.tenants.slug text
public.tenants.status text
public.tenants.preset text default 'sales'::text
public.tenants.created_at timestamp with time zone
public.user_assignments.user_id text
public.user_assignments.assigned_user_id text
public.user_assignments.tenant_id text
public.user_assignments.valid_from timestamp with time zone
public.user_assignments.expires_at timestamp with time zone
public.user_assignments.assigned_at timestamp with time zone
public.user_roles.id text
public.user_roles.user_id text
public.user_roles.role_id text
public.user_roles.tenant_id text
public.user_roles.valid_from timestamp with time zone
public.user_roles.expires_at timestamp with time zone
public.user_roles.assigned_at timestamp with time zone
public.users.id text
public.users.email text
public.users.display_name text
public.users.tenant_id text
public.users.status text
public.users.created_at timestamp with time zone
security.access_policy.tenant_id text not null
security.access_policy.elevation_max_minutes integer not null default 480
security.access_policy.elevation_answer_hours integer not null default 72
security.access_policy.delegation_max_days integer not null default 31
security.access_policy.updated_at timestamp with time zone not null default now()
security.access_review.id text not null default (gen_random_uuid())::text
security.access_review.tenant_id text not null
security.access_review.name text not null
security.access_review.role_id text
security.access_review.unused_days integer not null default 90
security.access_review.status text not null default 'open'::text
security.access_review.started_at timestamp with time zone not null default now()
security.access_review.started_by_user_id text
security.access_review.closed_at timestamp with time zone
security.access_review.closed_by_user_id text
security.admin_path.tenant_id text
security.admin_path.role_id text
security.admin_path.user_id text
security.admin_path.user_role_id text
security.admin_way.tenant_id text
security.admin_way.role_id text
security.admin_way.user_id text
security.admin_way.user_role_id text
security.admin_way.valid_from timestamp with time zone
security.app_user.id text not null default (gen_random_uuid())::text
security.app_user.tenant_id text
security.app_user.email text not null
security.app_user.display_name text not null default ''::text
security.app_user.status text not null default 'active'::text
security.app_user.must_change_password boolean not null default false
security.app_user.created_at timestamp with time zone not null default now()
security.app_user.last_sign_in_at timestamp with time zone
security.credential.user_id text not null
security.credential.password_hash text not null
security.credential.one_time boolean not null default false
security.credential.one_time_expires_at timestamp with time zone
security.credential.one_time_used_at timestamp with time zone
security.credential.changed_at timestamp with time zone not null default now()
security.delegated_member.delegation_id text not null
security.delegated_member.user_id text not null
security.delegated_member.tenant_id text not null
security.delegated_member.expires_at timestamp with time zone not null
security.delegation.id text not null default (gen_random_uuid())::text
security.delegation.tenant_id text not null
security.delegation.delegator_user_id text not null
security.delegation.delegate_user_id text not null
security.delegation.role_id text
security.delegation.with_team boolean not null default false
security.delegation.reason text not null
security.delegation.valid_from timestamp with time zone
security.delegation.expires_at timestamp with time zone not null
security.delegation.status text not null default 'active'::text
security.delegation.created_at timestamp with time zone not null default now()
security.delegation.assignment_id text
security.delegation.ended_at timestamp with time zone
security.delegation.ended_by_user_id text
security.elevation.id text not null default (gen_random_uuid())::text
security.elevation.tenant_id text not null
security.elevation.user_id text not null
security.elevation.role_id text not null
security.elevation.reason text not null
security.elevation.ticket text
security.elevation.duration_minutes integer not null
security.elevation.status text not null default 'pending'::text
security.elevation.requested_at timestamp with time zone not null default now()
security.elevation.answer_by timestamp with time zone not null
security.elevation.decided_at timestamp with time zone
security.elevation.decided_by_user_id text
security.elevation.decision_reason text
security.elevation.assignment_id text
security.elevation.expires_at timestamp with time zone
security.elevation.ended_at timestamp with time zone
security.emergency_access.id text not null default (gen_random_uuid())::text
security.emergency_access.tenant_id text not null
security.emergency_access.user_id text not null
security.emergency_access.role_id text not null
security.emergency_access.reason text not null
security.emergency_access.ticket text not null
security.emergency_access.status text not null default 'active'::text
security.emergency_access.taken_at timestamp with time zone not null default now()
security.emergency_access.expires_at timestamp with time zone not null default (now() + '01:00:00'::interval)
security.emergency_access.ended_at timestamp with time zone
security.emergency_access.assignment_id text
security.emergency_access.reviewed_at timestamp with time zone
security.emergency_access.reviewed_by_user_id text
security.emergency_access.verdict text
security.emergency_access.review_comment text
security.emergency_access.xid xid8 not null default pg_current_xact_id()
security.emergency_role.tenant_id text not null
security.emergency_role.holder_role_id text not null
security.emergency_role.role_id text not null
security.permission.id text not null
security.permission.group_name text not null
security.permission.description text not null
security.permission.kind text not null
security.permission.object_type text not null
security.preset_role.preset text not null
security.preset_role.name text not null
security.preset_role.description text not null
security.preset_role.permissions text[] not null
security.preset_role.delegates text[] not null
security.record.tenant_id text not null
security.record.id text not null
security.record.owner_user_id text not null
security.record.created_at timestamp with time zone not null default now()
security.review_item.id bigint not null identity
security.review_item.review_id text not null
security.review_item.tenant_id text not null
security.review_item.assignment_id text not null
security.review_item.user_id text not null
security.review_item.role_id text not null
security.review_item.role_name text not null
security.review_item.valid_from timestamp with time zone
security.review_item.expires_at timestamp with time zone
security.review_item.assigned_at timestamp with time zone not null
security.review_item.decision text
security.review_item.was_standing boolean
security.review_item.decided_at timestamp with time zone
security.review_item.decided_by_user_id text
security.review_item.comment text
security.role.id text not null default (gen_random_uuid())::text
security.role.tenant_id text not null
security.role.name text not null
security.role.description text not null default ''::text
security.role.is_system boolean not null default false
security.role.created_at timestamp with time zone not null default now()
security.role.version bigint not null default 1
security.role.updated_at timestamp with time zone not null default now()
security.role_permission.role_id text not null
security.role_permission.permission_id text not null
security.role_permission.tenant_id text not null
security.role_permission.granted_at timestamp with time zone not null default now()
security.role_permission.xid xid8 not null default pg_current_xact_id()
security.service_key.id text not null
security.service_key.name text not null
security.service_key.key_hash bytea not null
security.service_key.tenant_id text
security.service_key.scope text not null default 'decide'::text
security.service_key.created_at timestamp with time zone not null default now()
security.service_key.expires_at timestamp with time zone
security.service_key.revoked_at timestamp with time zone
security.sign_in_failure.tenant_id text not null
security.sign_in_failure.email_key bytea not null
security.sign_in_failure.failures integer not null
security.sign_in_failure.failed_at timestamp with time zone not null
security.sign_in_failure.locked_until timestamp with time zone
security.sign_in_failure.in_a_row integer not null default 0
security.sign_in_source.source text not null
security.sign_in_source.window_start timestamp with time zone not null
security.sign_in_source.failures integer not null
security.team_structure.tenant_id text not null
security.team_structure.xid xid8 not null default pg_current_xact_id()
security.tenant_admin.tenant_id text not null
security.tenant_admin.checked_at timestamp with time zone not null default now()
security.user_assignment.user_id text not null
security.user_assignment.assigned_user_id text not null
security.user_assignment.tenant_id text not null
security.user_assignment.valid_from timestamp with time zone
security.user_assignment.expires_at timestamp with time zone
security.user_assignment.assigned_at timestamp with time zone not null default now()
security.user_role.id text not null default (gen_random_uuid())::text
security.user_role.user_id text not null
security.user_role.role_id text
security.user_role.role_name text
security.user_role.tenant_id text
security.user_role.valid_from timestamp with time zone
security.user_role.expires_at timestamp with time zone
security.user_role.revoked_at timestamp with time zone
security.user_role.assigned_at timestamp with time zone not null default now()
security.user_role.slot text not null default 'a'::text
security.user_role.ordinal bigint not null identity
security.user_role.xid xid8 not null default pg_current_xact_id()
sync.applied.tenant_id text not null
sync.applied.version bigint not null
sync.applied.applied_at timestamp with time zone not null default clock_timestamp()
sync.applied.xid xid8 not null default pg_current_xact_id()
sync.claim.id bigint not null identity
sync.claim.entry_ids bigint[] not null default '{}'::bigint[]
sync.claim.claimed_at timestamp with time zone not null default clock_timestamp()
sync.epoch.only_row boolean not null default true
sync.epoch.epoch text not null default (gen_random_uuid())::text
sync.model.ordinal bigint not null identity
sync.model.store_id text not null
sync.model.model_id text not null
sync.model.hash text not null
sync.model.written_at timestamp with time zone not null default now()
sync.model.filled_at timestamp with time zone
sync.outbox.id bigint not null identity
sync.outbox.xid xid8 not null default pg_current_xact_id()
sync.outbox.tenant_id text not null
sync.outbox.kind text not null
sync.outbox.a text not null default ''::text
sync.outbox.b text not null default ''::text
sync.outbox.prior jsonb
sync.outbox.rank smallint not null default 0
sync.outbox.queued_at timestamp with time zone not null default clock_timestamp()
sync.outbox.not_before timestamp with time zone
sync.outbox.parked_at timestamp with time zone
sync.outbox.retry_at timestamp with time zone
sync.outbox.last_error text

-- constraints
audit.access_log chk_access_action CHECK ((access_action = ANY (ARRAY['READ'::text, 'WRITE'::text, 'DELETE'::text, 'EXPORT'::text, 'PRINT'::text])))
audit.access_log chk_access_log_accessed_at CHECK (isfinite(accessed_at))
audit.access_log pk_access_log PRIMARY KEY (id, accessed_at)
audit.access_log_other access_log_other_pkey PRIMARY KEY (id, accessed_at)
audit.access_log_other chk_access_action CHECK ((access_action = ANY (ARRAY['READ'::text, 'WRITE'::text, 'DELETE'::text, 'EXPORT'::text, 'PRINT'::text])))
audit.access_log_other chk_access_log_accessed_at CHECK (isfinite(accessed_at))
audit.checkpoint fk_checkpoint_ledger FOREIGN KEY (lane) REFERENCES audit.ledger(lane)
audit.checkpoint pk_checkpoint PRIMARY KEY (lane, size)
audit.decision chk_decision_answer CHECK ((answer = ANY (ARRAY['allowed'::text, 'denied'::text, 'listed'::text, 'undecided'::text])))
audit.decision chk_decision_caller_kind CHECK ((caller_kind = ANY (ARRAY['user'::text, 'service'::text])))
audit.decision pk_decision PRIMARY KEY (decided_at, decision_id)
audit.decision_other chk_decision_answer CHECK ((answer = ANY (ARRAY['allowed'::text, 'denied'::text, 'listed'::text, 'undecided'::text])))
audit.decision_other chk_decision_caller_kind CHECK ((caller_kind = ANY (ARRAY['user'::text, 'service'::text])))
audit.decision_other decision_other_pkey PRIMARY KEY (decided_at, decision_id)
audit.idempotency_claim chk_idempotency_claim_key CHECK (((char_length(key) >= 1) AND (char_length(key) <= 255)))
audit.idempotency_claim pk_idempotency_claim PRIMARY KEY (id)
audit.idempotency_claim uq_idempotency_claim UNIQUE (tenant_id, caller_id, operation_id, key)
audit.ledger chk_ledger_lane CHECK ((lane = ANY (ARRAY['admin'::text, 'decision'::text])))
audit.ledger pk_ledger PRIMARY KEY (lane)
audit.ledger uq_ledger_origin UNIQUE (origin)
audit.pending_grant pk_pending_grant PRIMARY KEY (id)
audit.pending_grant trg_grants_written TRIGGER DEFERRABLE INITIALLY DEFERRED
audit.pruned fk_pruned_ledger FOREIGN KEY (lane) REFERENCES audit.ledger(lane)
audit.pruned pk_pruned PRIMARY KEY (lane, partition, pruned_at)
audit.seal chk_seal_hashes CHECK (((octet_length(prev) = 32) AND (octet_length(head) = 32) AND (octet_length(root) = 32) AND (octet_length(leaves) = (32 * ((last_seq - first_seq) + 1)))))
audit.seal chk_seal_range CHECK (((batch >= 1) AND (first_seq >= 1) AND (last_seq >= first_seq)))
audit.seal fk_seal_ledger FOREIGN KEY (lane) REFERENCES audit.ledger(lane)
audit.seal pk_seal PRIMARY KEY (lane, batch)
audit.seal uq_seal_first_seq UNIQUE (lane, first_seq)
audit.seal uq_seal_prev UNIQUE (lane, prev)
identity.impersonation chk_impersonation_emergency CHECK (((NOT is_emergency) OR (ticket IS NOT NULL)))
identity.impersonation chk_impersonation_end CHECK ((ended_at >= started_at))
identity.impersonation chk_impersonation_reason CHECK (((char_length(reason) >= 1) AND (char_length(reason) <= 1000)))
identity.impersonation chk_impersonation_ticket CHECK (((char_length(ticket) >= 1) AND (char_length(ticket) <= 200)))
identity.impersonation chk_impersonation_window CHECK (((expires_at > started_at) AND (expires_at <= (started_at + '01:00:00'::interval))))
identity.impersonation fk_impersonation_actor FOREIGN KEY (actor_user_id) REFERENCES security.app_user(id)
identity.impersonation fk_impersonation_tenant FOREIGN KEY (tenant_id) REFERENCES identity.tenant(id)
identity.impersonation pk_impersonation PRIMARY KEY (id)
identity.mail_outbox chk_mail_outbox_content CHECK (((content IS NULL) = ((sent_at IS NOT NULL) OR (gave_up_at IS NOT NULL))))
identity.mail_outbox chk_mail_outbox_end CHECK (((sent_at IS NULL) OR (gave_up_at IS NULL)))
identity.mail_outbox chk_mail_outbox_expiry CHECK ((expires_at <= (created_at + '24:00:00'::interval)))
identity.mail_outbox chk_mail_outbox_last_error CHECK ((char_length(last_error) <= 500))
identity.mail_outbox chk_mail_outbox_lease CHECK (((lease IS NULL) = (leased_until IS NULL)))
identity.mail_outbox chk_mail_outbox_template CHECK ((template = ANY (ARRAY['one-time-password'::text, 'password-reset'::text, 'account-locked'::text])))
identity.mail_outbox chk_mail_outbox_to_address CHECK (((to_address ~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$'::text) AND (char_length(to_address) <= 254)))
identity.mail_outbox pk_mail_outbox PRIMARY KEY (id)
identity.mailer chk_mailer_from_address CHECK (((from_address ~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$'::text) AND (char_length(from_address) <= 254)))
identity.mailer chk_mailer_from_name CHECK (((char_length(from_name) <= 200) AND (from_name !~ '[[:cntrl:]]'::text)))
identity.mailer chk_mailer_host CHECK ((host ~ '^[A-Za-z0-9]([A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?$'::text))
identity.mailer chk_mailer_only_row CHECK (only_row)
identity.mailer chk_mailer_password CHECK (((password IS NULL) OR (username IS NOT NULL)))
identity.mailer chk_mailer_port CHECK (((port >= 1) AND (port <= 65535)))
identity.mailer chk_mailer_security CHECK ((security = ANY (ARRAY['none'::text, 'starttls'::text, 'tls'::text])))
identity.mailer chk_mailer_username CHECK ((((char_length(username) >= 1) AND (char_length(username) <= 254)) AND (username !~ '[[:cntrl:]]'::text)))
identity.mailer pk_mailer PRIMARY KEY (only_row)
identity.platform_admin fk_platform_admin_user FOREIGN KEY (user_id) REFERENCES security.app_user(id)
identity.platform_admin pk_platform_admin PRIMARY KEY (user_id)
identity.session chk_session_impersonation CHECK (((impersonation_id IS NULL) OR (tenant_id IS NOT NULL)))
identity.session chk_session_lifetime CHECK (((expires_at > created_at) AND (expires_at <= (created_at + '24:00:00'::interval))))
identity.session fk_session_impersonation FOREIGN KEY (impersonation_id) REFERENCES identity.impersonation(id) ON DELETE CASCADE
identity.session fk_session_tenant FOREIGN KEY (tenant_id) REFERENCES identity.tenant(id) ON DELETE CASCADE
identity.session fk_session_user FOREIGN KEY (user_id) REFERENCES security.app_user(id) ON DELETE CASCADE
identity.session pk_session PRIMARY KEY (id)
identity.signing_key chk_signing_key_algorithm CHECK ((algorithm = 'ES256'::text))
identity.signing_key chk_signing_key_kid CHECK ((kid ~ '^[A-Za-z0-9_-]{1,64}$'::text))
identity.signing_key chk_signing_key_public CHECK ((NOT (public_jwk ? 'd'::text)))
identity.signing_key pk_signing_key PRIMARY KEY (kid)
identity.tenant chk_tenant_id CHECK (security.valid_id(id))
identity.tenant chk_tenant_id_reserved CHECK ((id <> 'platform'::text))
identity.tenant chk_tenant_name CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200)))
identity.tenant chk_tenant_preset CHECK ((preset = ANY (ARRAY['rcm'::text, 'emr'::text, 'sales'::text])))
identity.tenant chk_tenant_slug CHECK (((slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'::text) AND (slug <> 'platform'::text)))
identity.tenant chk_tenant_slug_reserved CHECK ((slug <> ALL (ARRAY['platform'::text, 'www'::text, 'api'::text, 'app'::text, 'admin'::text, 'console'::text, 'auth'::text, 'login'::text, 'sso'::text, 'account'::text, 'mail'::text, 'smtp'::text, 'static'::text, 'assets'::text, 'cdn'::text, 'status'::text, 'health'::text, 'metrics'::text, 'docs'::text, 'help'::text, 'support'::text, 'localhost'::text])))
identity.tenant chk_tenant_status CHECK ((status = ANY (ARRAY['active'::text, 'read_only'::text, 'suspended'::text])))
identity.tenant pk_tenant PRIMARY KEY (id)
identity.tenant uq_tenant_name UNIQUE (name)
identity.tenant uq_tenant_slug UNIQUE (slug)
identity.tenant_audit chk_tenant_audit_event_type CHECK ((event_type ~ '^[A-Z][A-Z0-9_]*$'::text))
identity.tenant_audit pk_tenant_audit PRIMARY KEY (id)
security.access_policy chk_access_policy_answer CHECK (((elevation_answer_hours >= 1) AND (elevation_answer_hours <= 720)))
security.access_policy chk_access_policy_delegation CHECK (((delegation_max_days >= 1) AND (delegation_max_days <= 365)))
security.access_policy chk_access_policy_elevation CHECK (((elevation_max_minutes >= 1) AND (elevation_max_minutes <= 10080)))
security.access_policy fk_access_policy_tenant FOREIGN KEY (tenant_id) REFERENCES identity.tenant(id) ON DELETE CASCADE
security.access_policy pk_access_policy PRIMARY KEY (tenant_id)
security.access_review chk_access_review_name CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200)))
security.access_review chk_access_review_status CHECK ((status = ANY (ARRAY['open'::text, 'closed'::text])))
security.access_review chk_access_review_unused CHECK (((unused_days >= 1) AND (unused_days <= 365)))
security.access_review fk_access_review_tenant FOREIGN KEY (tenant_id) REFERENCES identity.tenant(id) ON DELETE CASCADE
security.access_review pk_access_review PRIMARY KEY (id)
security.access_review uq_access_review_tenant UNIQUE (id, tenant_id)
security.app_user chk_app_user_display_name CHECK ((char_length(display_name) <= 200))
security.app_user chk_app_user_email CHECK (((email ~ '^[^@[:space:]]+@[^@[:space:]]+$'::text) AND (char_length(email) <= 254)))
security.app_user chk_app_user_id CHECK (security.valid_id(id))
security.app_user chk_app_user_status CHECK ((status = ANY (ARRAY['active'::text, 'disabled'::text])))
security.app_user fk_app_user_tenant FOREIGN KEY (tenant_id) REFERENCES identity.tenant(id)
security.app_user pk_app_user PRIMARY KEY (id)
security.app_user uq_app_user_tenant UNIQUE (id, tenant_id)
security.credential chk_credential_hash CHECK (((password_hash ~~ '$argon2id$%'::text) AND (char_length(password_hash) <= 256)))
security.credential chk_credential_lifetime CHECK ((one_time_expires_at <= (changed_at + '24:00:00'::interval)))
security.credential chk_credential_one_time CHECK ((one_time = (one_time_expires_at IS NOT NULL)))
security.credential fk_credential_user FOREIGN KEY (user_id) REFERENCES security.app_user(id) ON DELETE CASCADE
security.credential pk_credential PRIMARY KEY (user_id)
security.delegated_member fk_delegated_member_delegation FOREIGN KEY (delegation_id) REFERENCES security.delegation(id) ON DELETE CASCADE
security.delegated_member pk_delegated_member PRIMARY KEY (delegation_id, user_id)
security.delegation chk_delegation_pair CHECK ((delegator_user_id <> delegate_user_id))
security.delegation chk_delegation_reason CHECK (((char_length(reason) >= 1) AND (char_length(reason) <= 500)))
security.delegation chk_delegation_status CHECK ((status = ANY (ARRAY['active'::text, 'ended'::text, 'expired'::text])))
security.delegation chk_delegation_what CHECK (((role_id IS NOT NULL) OR with_team))
security.delegation chk_delegation_window CHECK ((expires_at > valid_from))
security.delegation fk_delegation_delegate FOREIGN KEY (delegate_user_id) REFERENCES security.app_user(id) ON DELETE CASCADE
security.delegation fk_delegation_delegator FOREIGN KEY (delegator_user_id) REFERENCES security.app_user(id) ON DELETE CASCADE
security.delegation fk_delegation_role FOREIGN KEY (role_id, tenant_id) REFERENCES security.role(id, tenant_id) ON DELETE CASCADE
security.delegation fk_delegation_tenant FOREIGN KEY (tenant_id) REFERENCES identity.tenant(id) ON DELETE CASCADE
security.delegation pk_delegation PRIMARY KEY (id)
security.elevation chk_elevation_decided CHECK (((status <> ALL (ARRAY['approved'::text, 'denied'::text, 'ended'::text, 'expired'::text])) OR (decided_by_user_id IS NOT NULL)))
security.elevation chk_elevation_decider CHECK ((decided_by_user_id <> user_id))
security.elevation chk_elevation_decision_reason CHECK (((char_length(decision_reason) >= 1) AND (char_length(decision_reason) <= 500)))
security.elevation chk_elevation_duration CHECK (((duration_minutes >= 1) AND (duration_minutes <= 10080)))
security.elevation chk_elevation_granted CHECK (((status <> ALL (ARRAY['approved'::text, 'ended'::text, 'expired'::text])) OR ((expires_at IS NOT NULL) AND (assignment_id IS NOT NULL))))
security.elevation chk_elevation_reason CHECK (((char_length(reason) >= 1) AND (char_length(reason) <= 500)))
security.elevation chk_elevation_status CHECK ((status = ANY (ARRAY['pending'::text, 'approved'::text, 'denied'::text, 'cancelled'::text, 'lapsed'::text, 'ended'::text, 'expired'::text])))
security.elevation chk_elevation_ticket CHECK (((char_length(ticket) >= 1) AND (char_length(ticket) <= 200)))
security.elevation fk_elevation_role FOREIGN KEY (role_id, tenant_id) REFERENCES security.role(id, tenant_id) ON DELETE CASCADE
security.elevation fk_elevation_tenant FOREIGN KEY (tenant_id) REFERENCES identity.tenant(id) ON DELETE CASCADE
security.elevation fk_elevation_user FOREIGN KEY (user_id) REFERENCES security.app_user(id) ON DELETE CASCADE
security.elevation pk_elevation PRIMARY KEY (id)
security.emergency_access chk_emergency_access_comment CHECK (((char_length(review_comment) >= 1) AND (char_length(review_comment) <= 500)))
security.emergency_access chk_emergency_access_reason CHECK (((char_length(reason) >= 1) AND (char_length(reason) <= 500)))
security.emergency_access chk_emergency_access_reviewed CHECK ((((reviewed_at IS NULL) = (verdict IS NULL)) AND ((reviewed_at IS NULL) = (reviewed_by_user_id IS NULL))))
security.emergency_access chk_emergency_access_reviewer CHECK ((reviewed_by_user_id <> user_id))
security.emergency_access chk_emergency_access_status CHECK ((status = ANY (ARRAY['active'::text, 'ended'::text, 'expired'::text])))
security.emergency_access chk_emergency_access_ticket CHECK (((char_length(ticket) >= 1) AND (char_length(ticket) <= 200)))
security.emergency_access chk_emergency_access_verdict CHECK ((verdict = ANY (ARRAY['justified'::text, 'unjustified'::text])))
security.emergency_access chk_emergency_access_window CHECK (((expires_at > taken_at) AND (expires_at <= (taken_at + '01:00:00'::interval))))
security.emergency_access fk_emergency_access_role FOREIGN KEY (role_id, tenant_id) REFERENCES security.role(id, tenant_id) ON DELETE CASCADE
security.emergency_access fk_emergency_access_tenant FOREIGN KEY (tenant_id) REFERENCES identity.tenant(id) ON DELETE CASCADE
security.emergency_access fk_emergency_access_user FOREIGN KEY (user_id) REFERENCES security.app_user(id) ON DELETE CASCADE
security.emergency_access pk_emergency_access PRIMARY KEY (id)
security.emergency_role chk_emergency_role_pair CHECK ((holder_role_id <> role_id))
security.emergency_role fk_emergency_role_holder FOREIGN KEY (holder_role_id, tenant_id) REFERENCES security.role(id, tenant_id) ON DELETE CASCADE
security.emergency_role fk_emergency_role_role FOREIGN KEY (role_id, tenant_id) REFERENCES security.role(id, tenant_id) ON DELETE CASCADE
security.emergency_role pk_emergency_role PRIMARY KEY (tenant_id, holder_role_id, role_id)
security.permission chk_permission_id CHECK (((id ~ '^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$'::text) AND (char_length(id) <= 44)))
security.permission chk_permission_kind CHECK ((kind = ANY (ARRAY['read'::text, 'write'::text])))
security.permission chk_permission_object_type CHECK ((object_type = ANY (ARRAY['tenant'::text, 'profile'::text, 'record'::text])))
security.permission pk_permission PRIMARY KEY (id)
security.preset_role chk_preset_role_preset CHECK ((preset = ANY (ARRAY['rcm'::text, 'emr'::text, 'sales'::text])))
security.preset_role pk_preset_role PRIMARY KEY (preset, name)
security.record chk_record_id CHECK (security.valid_id(id))
security.record fk_record_owner FOREIGN KEY (owner_user_id, tenant_id) REFERENCES security.app_user(id, tenant_id)
security.record fk_record_tenant FOREIGN KEY (tenant_id) REFERENCES identity.tenant(id)
security.record pk_record PRIMARY KEY (tenant_id, id)
security.review_item chk_review_item_comment CHECK (((char_length(comment) >= 1) AND (char_length(comment) <= 500)))
security.review_item chk_review_item_decided CHECK ((((decision IS NULL) = (decided_at IS NULL)) AND ((decision IS NULL) = (decided_by_user_id IS NULL))))
security.review_item chk_review_item_decider CHECK ((decided_by_user_id <> user_id))
security.review_item chk_review_item_decision CHECK ((decision = ANY (ARRAY['keep'::text, 'revoke'::text])))
security.review_item fk_review_item_review FOREIGN KEY (review_id, tenant_id) REFERENCES security.access_review(id, tenant_id) ON DELETE CASCADE
security.review_item pk_review_item PRIMARY KEY (id)
security.role chk_role_description CHECK ((char_length(description) <= 1000))
security.role chk_role_id CHECK (security.valid_id(id))
security.role chk_role_name CHECK (((char_length(name) <= 64) AND (name <> 'PLATFORM_ADMIN'::text) AND ((name ~ '^[A-Z][A-Z0-9_]*$'::text) OR (is_system AND (name ~ '^[a-z][a-z0-9_]*$'::text)))))
security.role fk_role_tenant FOREIGN KEY (tenant_id) REFERENCES identity.tenant(id)
security.role pk_role PRIMARY KEY (id)
security.role uq_role_tenant UNIQUE (id, tenant_id)
security.role_permission fk_role_permission_permission FOREIGN KEY (permission_id) REFERENCES security.permission(id)
security.role_permission fk_role_permission_role FOREIGN KEY (role_id, tenant_id) REFERENCES security.role(id, tenant_id)
security.role_permission pk_role_permission PRIMARY KEY (role_id, permission_id)
security.service_key chk_service_key_hash CHECK ((octet_length(key_hash) = 32))
security.service_key chk_service_key_id CHECK ((id ~ '^[0-9a-f]{16,64}$'::text))
security.service_key chk_service_key_name CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100)))
security.service_key chk_service_key_scope CHECK ((scope = 'decide'::text))
security.service_key fk_service_key_tenant FOREIGN KEY (tenant_id) REFERENCES identity.tenant(id)
security.service_key pk_service_key PRIMARY KEY (id)
security.sign_in_failure chk_sign_in_failure_failures CHECK ((failures >= 0))
security.sign_in_failure chk_sign_in_failure_in_a_row CHECK ((in_a_row >= 0))
security.sign_in_failure chk_sign_in_failure_key CHECK ((octet_length(email_key) = 32))
security.sign_in_failure pk_sign_in_failure PRIMARY KEY (tenant_id, email_key)
security.sign_in_source chk_sign_in_source_source CHECK ((char_length(source) <= 64))
security.sign_in_source pk_sign_in_source PRIMARY KEY (source)
security.team_structure fk_team_structure_tenant FOREIGN KEY (tenant_id) REFERENCES identity.tenant(id) ON DELETE CASCADE
security.team_structure pk_team_structure PRIMARY KEY (tenant_id)
security.tenant_admin fk_tenant_admin_tenant FOREIGN KEY (tenant_id) REFERENCES identity.tenant(id) ON DELETE CASCADE
security.tenant_admin pk_tenant_admin PRIMARY KEY (tenant_id)
security.tenant_admin trg_last_admin TRIGGER DEFERRABLE INITIALLY DEFERRED
security.user_assignment chk_user_assignment_pair CHECK ((user_id <> assigned_user_id))
security.user_assignment chk_user_assignment_window CHECK ((expires_at > valid_from))
security.user_assignment fk_user_assignment_manager FOREIGN KEY (user_id, tenant_id) REFERENCES security.app_user(id, tenant_id)
security.user_assignment fk_user_assignment_rep FOREIGN KEY (assigned_user_id, tenant_id) REFERENCES security.app_user(id, tenant_id)
security.user_assignment pk_user_assignment PRIMARY KEY (tenant_id, user_id, assigned_user_id)
security.user_role chk_user_role_scope CHECK ((((role_id IS NULL) = (tenant_id IS NULL)) AND ((role_id IS NULL) <> (role_name IS NULL))))
security.user_role chk_user_role_slot CHECK ((slot = ANY (ARRAY['a'::text, 'b'::text])))
security.user_role chk_user_role_window CHECK ((expires_at > valid_from))
security.user_role fk_user_role_member FOREIGN KEY (user_id, tenant_id) REFERENCES security.app_user(id, tenant_id)
security.user_role fk_user_role_role FOREIGN KEY (role_id, tenant_id) REFERENCES security.role(id, tenant_id)
security.user_role fk_user_role_user FOREIGN KEY (user_id) REFERENCES security.app_user(id)
security.user_role pk_user_role PRIMARY KEY (id)
sync.applied pk_applied PRIMARY KEY (tenant_id)
sync.claim pk_claim PRIMARY KEY (id)
sync.epoch chk_epoch_only_row CHECK (only_row)
sync.epoch pk_epoch PRIMARY KEY (only_row)
sync.model pk_model PRIMARY KEY (ordinal)
sync.model uq_model_hash UNIQUE (store_id, hash)
sync.outbox chk_outbox_kind CHECK ((kind = ANY (ARRAY['tenant'::text, 'platform_admin'::text, 'role'::text, 'role_permission'::text, 'user_role'::text, 'user_assignment'::text, 'profile'::text, 'record'::text, 'stray'::text, 'rebuild'::text])))
sync.outbox pk_outbox PRIMARY KEY (id)

-- indexes
CREATE INDEX access_log_other_accessed_entity_id_accessed_at_idx ON audit.access_log_other USING btree (accessed_entity_id, accessed_at DESC)
CREATE INDEX access_log_other_tenant_id_accessed_at_id_idx ON audit.access_log_other USING btree (tenant_id, accessed_at DESC, id DESC)
CREATE INDEX access_log_other_xid_id_idx ON audit.access_log_other USING btree (xid, id)
CREATE INDEX decision_other_decision_id_idx ON audit.decision_other USING btree (decision_id)
CREATE INDEX decision_other_tenant_id_subject_user_id_decided_at_idx ON audit.decision_other USING btree (tenant_id, subject_user_id, decided_at)
CREATE INDEX decision_other_xid_decision_id_idx ON audit.decision_other USING btree (xid, decision_id)
CREATE INDEX ix_access_log_entity ON ONLY audit.access_log USING btree (accessed_entity_id, accessed_at DESC)
CREATE INDEX ix_access_log_seal ON ONLY audit.access_log USING btree (xid, id)
CREATE INDEX ix_access_log_tenant ON ONLY audit.access_log USING btree (tenant_id, accessed_at DESC, id DESC)
CREATE INDEX ix_access_review_tenant ON security.access_review USING btree (tenant_id, started_at DESC, id DESC)
CREATE INDEX ix_app_user_tenant ON security.app_user USING btree (tenant_id, id)
CREATE INDEX ix_applied_xid ON sync.applied USING btree (xid)
CREATE INDEX ix_decision_id ON ONLY audit.decision USING btree (decision_id)
CREATE INDEX ix_decision_seal ON ONLY audit.decision USING btree (xid, decision_id)
CREATE INDEX ix_decision_subject ON ONLY audit.decision USING btree (tenant_id, subject_user_id, decided_at)
CREATE INDEX ix_delegation_active ON security.delegation USING btree (delegator_user_id) WHERE (status = 'active'::text)
CREATE INDEX ix_delegation_assignment ON security.delegation USING btree (assignment_id) WHERE (status = 'active'::text)
CREATE INDEX ix_delegation_delegate ON security.delegation USING btree (delegate_user_id, created_at DESC, id DESC)
CREATE INDEX ix_delegation_delegator ON security.delegation USING btree (delegator_user_id, created_at DESC, id DESC)
CREATE INDEX ix_delegation_expiry ON security.delegation USING btree (expires_at) WHERE (status = 'active'::text)
CREATE INDEX ix_delegation_role ON security.delegation USING btree (role_id, tenant_id)
CREATE INDEX ix_delegation_tenant ON security.delegation USING btree (tenant_id, created_at DESC, id DESC)
CREATE INDEX ix_elevation_assignment ON security.elevation USING btree (assignment_id) WHERE (status = 'approved'::text)
CREATE INDEX ix_elevation_role ON security.elevation USING btree (role_id, tenant_id)
CREATE INDEX ix_elevation_running ON security.elevation USING btree (expires_at) WHERE (status = 'approved'::text)
CREATE INDEX ix_elevation_tenant ON security.elevation USING btree (tenant_id, requested_at DESC, id DESC)
CREATE INDEX ix_elevation_unanswered ON security.elevation USING btree (answer_by) WHERE (status = 'pending'::text)
CREATE INDEX ix_elevation_user ON security.elevation USING btree (user_id, requested_at DESC, id DESC)
CREATE INDEX ix_emergency_access_assignment ON security.emergency_access USING btree (assignment_id) WHERE (status = 'active'::text)
CREATE INDEX ix_emergency_access_expiry ON security.emergency_access USING btree (expires_at) WHERE (status = 'active'::text)
CREATE INDEX ix_emergency_access_role ON security.emergency_access USING btree (role_id, tenant_id)
CREATE INDEX ix_emergency_access_tenant ON security.emergency_access USING btree (tenant_id, taken_at DESC, id DESC)
CREATE INDEX ix_emergency_access_unreviewed ON security.emergency_access USING btree (tenant_id, taken_at DESC, id DESC) WHERE (reviewed_at IS NULL)
CREATE INDEX ix_emergency_access_user ON security.emergency_access USING btree (user_id, taken_at DESC, id DESC)
CREATE INDEX ix_emergency_role_holder ON security.emergency_role USING btree (holder_role_id, tenant_id)
CREATE INDEX ix_emergency_role_role ON security.emergency_role USING btree (role_id, tenant_id)
CREATE INDEX ix_idempotency_claim_claimed ON audit.idempotency_claim USING btree (claimed_at)
CREATE INDEX ix_impersonation_actor ON identity.impersonation USING btree (actor_user_id)
CREATE INDEX ix_impersonation_expiry ON identity.impersonation USING btree (expires_at) WHERE (ended_at IS NULL)
CREATE INDEX ix_impersonation_tenant ON identity.impersonation USING btree (tenant_id, started_at)
CREATE INDEX ix_mail_outbox_created ON identity.mail_outbox USING btree (created_at)
CREATE INDEX ix_mail_outbox_due ON identity.mail_outbox USING btree (not_before) WHERE (content IS NOT NULL)
CREATE INDEX ix_outbox_held ON sync.outbox USING btree (not_before) WHERE (not_before IS NOT NULL)
CREATE INDEX ix_outbox_key ON sync.outbox USING btree (tenant_id, kind, a, b)
CREATE INDEX ix_outbox_parked ON sync.outbox USING btree (retry_at) WHERE (parked_at IS NOT NULL)
CREATE INDEX ix_outbox_position ON sync.outbox USING btree (tenant_id, xid)
CREATE INDEX ix_outbox_queued ON sync.outbox USING btree (queued_at)
CREATE INDEX ix_outbox_takes ON sync.outbox USING btree (tenant_id, queued_at) WHERE ((prior IS NOT NULL) AND (parked_at IS NULL))
CREATE INDEX ix_outbox_turn ON sync.outbox USING btree (rank, tenant_id, id) WHERE (parked_at IS NULL)
CREATE INDEX ix_outbox_xid ON sync.outbox USING btree (xid)
CREATE INDEX ix_pending_grant_role ON audit.pending_grant USING btree (xid, role_id)
CREATE INDEX ix_record_owner ON security.record USING btree (tenant_id, owner_user_id, id)
CREATE INDEX ix_review_item_review ON security.review_item USING btree (review_id, id)
CREATE INDEX ix_review_item_undecided ON security.review_item USING btree (review_id, id) WHERE (decision IS NULL)
CREATE INDEX ix_review_item_user ON security.review_item USING btree (user_id)
CREATE INDEX ix_role_permission_permission ON security.role_permission USING btree (permission_id)
CREATE INDEX ix_role_permission_tenant ON security.role_permission USING btree (tenant_id, role_id)
CREATE INDEX ix_seal_last_at ON audit.seal USING btree (lane, last_at)
CREATE INDEX ix_seal_last_seq ON audit.seal USING btree (lane, last_seq)
CREATE INDEX ix_seal_last_xid ON audit.seal USING btree (lane, last_xid)
CREATE INDEX ix_service_key_tenant ON security.service_key USING btree (tenant_id)
CREATE INDEX ix_session_expires ON identity.session USING btree (expires_at)
CREATE INDEX ix_session_impersonation ON identity.session USING btree (impersonation_id) WHERE (impersonation_id IS NOT NULL)
CREATE INDEX ix_session_tenant ON identity.session USING btree (tenant_id)
CREATE INDEX ix_session_user ON identity.session USING btree (user_id)
CREATE INDEX ix_sign_in_failure_failed ON security.sign_in_failure USING btree (failed_at)
CREATE INDEX ix_sign_in_source_window ON security.sign_in_source USING btree (window_start)
CREATE INDEX ix_signing_key_signs_from ON identity.signing_key USING btree (signs_from)
CREATE INDEX ix_tenant_audit_tenant ON identity.tenant_audit USING btree (tenant_id, ts)
CREATE INDEX ix_user_assignment_closes ON security.user_assignment USING btree (tenant_id, expires_at) WHERE (expires_at IS NOT NULL)
CREATE INDEX ix_user_assignment_manager ON security.user_assignment USING btree (user_id, tenant_id)
CREATE INDEX ix_user_assignment_opens ON security.user_assignment USING btree (tenant_id, valid_from) WHERE (valid_from IS NOT NULL)
CREATE INDEX ix_user_assignment_rep ON security.user_assignment USING btree (tenant_id, assigned_user_id)
CREATE INDEX ix_user_role_closes ON security.user_role USING btree (tenant_id, expires_at) WHERE ((expires_at IS NOT NULL) AND (revoked_at IS NULL))
CREATE INDEX ix_user_role_global ON security.user_role USING btree (role_name, user_id) WHERE (tenant_id IS NULL)
CREATE INDEX ix_user_role_opens ON security.user_role USING btree (tenant_id, valid_from) WHERE ((valid_from IS NOT NULL) AND (revoked_at IS NULL))
CREATE INDEX ix_user_role_pair ON security.user_role USING btree (user_id, role_id, ordinal)
CREATE INDEX ix_user_role_role ON security.user_role USING btree (role_id, user_id)
CREATE INDEX ix_user_role_tenant ON security.user_role USING btree (tenant_id)
CREATE UNIQUE INDEX access_log_other_pkey ON audit.access_log_other USING btree (id, accessed_at)
CREATE UNIQUE INDEX decision_other_pkey ON audit.decision_other USING btree (decided_at, decision_id)
CREATE UNIQUE INDEX pk_access_log ON ONLY audit.access_log USING btree (id, accessed_at)
CREATE UNIQUE INDEX pk_access_policy ON security.access_policy USING btree (tenant_id)
CREATE UNIQUE INDEX pk_access_review ON security.access_review USING btree (id)
CREATE UNIQUE INDEX pk_app_user ON security.app_user USING btree (id)
CREATE UNIQUE INDEX pk_applied ON sync.applied USING btree (tenant_id)
CREATE UNIQUE INDEX pk_checkpoint ON audit.checkpoint USING btree (lane, size)
CREATE UNIQUE INDEX pk_claim ON sync.claim USING btree (id)
CREATE UNIQUE INDEX pk_credential ON security.credential USING btree (user_id)
CREATE UNIQUE INDEX pk_decision ON ONLY audit.decision USING btree (decided_at, decision_id)
CREATE UNIQUE INDEX pk_delegated_member ON security.delegated_member USING btree (delegation_id, user_id)
CREATE UNIQUE INDEX pk_delegation ON security.delegation USING btree (id)
CREATE UNIQUE INDEX pk_elevation ON security.elevation USING btree (id)
CREATE UNIQUE INDEX pk_emergency_access ON security.emergency_access USING btree (id)
CREATE UNIQUE INDEX pk_emergency_role ON security.emergency_role USING btree (tenant_id, holder_role_id, role_id)
CREATE UNIQUE INDEX pk_epoch ON sync.epoch USING btree (only_row)
CREATE UNIQUE INDEX pk_idempotency_claim ON audit.idempotency_claim USING btree (id)
CREATE UNIQUE INDEX pk_impersonation ON identity.impersonation USING btree (id)
CREATE UNIQUE INDEX pk_ledger ON audit.ledger USING btree (lane)
CREATE UNIQUE INDEX pk_mail_outbox ON identity.mail_outbox USING btree (id)
CREATE UNIQUE INDEX pk_mailer ON identity.mailer USING btree (only_row)
CREATE UNIQUE INDEX pk_model ON sync.model USING btree (ordinal)
CREATE UNIQUE INDEX pk_outbox ON sync.outbox USING btree (id)
CREATE UNIQUE INDEX pk_pending_grant ON audit.pending_grant USING btree (id)
CREATE UNIQUE INDEX pk_permission ON security.permission USING btree (id)
CREATE UNIQUE INDEX pk_platform_admin ON identity.platform_admin USING btree (user_id)
CREATE UNIQUE INDEX pk_preset_role ON security.preset_role USING btree (preset, name)
CREATE UNIQUE INDEX pk_pruned ON audit.pruned USING btree (lane, partition, pruned_at)
CREATE UNIQUE INDEX pk_record ON security.record USING btree (tenant_id, id)
CREATE UNIQUE INDEX pk_review_item ON security.review_item USING btree (id)
CREATE UNIQUE INDEX pk_role ON security.role USING btree (id)
CREATE UNIQUE INDEX pk_role_permission ON security.role_permission USING btree (role_id, permission_id)
CREATE UNIQUE INDEX pk_seal ON audit.seal USING btree (lane, batch)
CREATE UNIQUE INDEX pk_service_key ON security.service_key USING btree (id)
CREATE UNIQUE INDEX pk_session ON identity.session USING btree (id)
CREATE UNIQUE INDEX pk_sign_in_failure ON security.sign_in_failure USING btree (tenant_id, email_key)
CREATE UNIQUE INDEX pk_sign_in_source ON security.sign_in_source USING btree (source)
CREATE UNIQUE INDEX pk_signing_key ON identity.signing_key USING btree (kid)
CREATE UNIQUE INDEX pk_team_structure ON security.team_structure USING btree (tenant_id)
CREATE UNIQUE INDEX pk_tenant ON identity.tenant USING btree (id)
CREATE UNIQUE INDEX pk_tenant_admin ON security.tenant_admin USING btree (tenant_id)
CREATE UNIQUE INDEX pk_tenant_audit ON identity.tenant_audit USING btree (id)
CREATE UNIQUE INDEX pk_user_assignment ON security.user_assignment USING btree (tenant_id, user_id, assigned_user_id)
CREATE UNIQUE INDEX pk_user_role ON security.user_role USING btree (id)
CREATE UNIQUE INDEX uq_access_review_tenant ON security.access_review USING btree (id, tenant_id)
CREATE UNIQUE INDEX uq_app_user_email ON security.app_user USING btree (COALESCE(tenant_id, ''::text), lower(email))
CREATE UNIQUE INDEX uq_app_user_tenant ON security.app_user USING btree (id, tenant_id)
CREATE UNIQUE INDEX uq_elevation_open ON security.elevation USING btree (user_id, role_id) WHERE (status = 'pending'::text)
CREATE UNIQUE INDEX uq_idempotency_claim ON audit.idempotency_claim USING btree (tenant_id, caller_id, operation_id, key)
CREATE UNIQUE INDEX uq_impersonation_active ON identity.impersonation USING btree (actor_user_id) WHERE (ended_at IS NULL)
CREATE UNIQUE INDEX uq_ledger_origin ON audit.ledger USING btree (origin)
CREATE UNIQUE INDEX uq_model_hash ON sync.model USING btree (store_id, hash)
CREATE UNIQUE INDEX uq_role_name ON security.role USING btree (tenant_id, lower(name))
CREATE UNIQUE INDEX uq_role_tenant ON security.role USING btree (id, tenant_id)
CREATE UNIQUE INDEX uq_seal_first_seq ON audit.seal USING btree (lane, first_seq)
CREATE UNIQUE INDEX uq_seal_prev ON audit.seal USING btree (lane, prev)
CREATE UNIQUE INDEX uq_tenant_name ON identity.tenant USING btree (name)
CREATE UNIQUE INDEX uq_tenant_slug ON identity.tenant USING btree (slug)
CREATE UNIQUE INDEX uq_user_role_active ON security.user_role USING btree (user_id, role_id) WHERE (revoked_at IS NULL)
CREATE UNIQUE INDEX uq_user_role_active_global ON security.user_role USING btree (user_id, role_name) WHERE ((revoked_at IS NULL) AND (tenant_id IS NULL))

-- triggers
audit.access_log CREATE TRIGGER trg_append_only BEFORE DELETE OR UPDATE ON audit.access_log FOR EACH ROW EXECUTE FUNCTION audit.refuse_change()
audit.access_log CREATE TRIGGER trg_append_only_truncate BEFORE TRUNCATE ON audit.access_log FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()
audit.access_log_other CREATE TRIGGER trg_append_only BEFORE DELETE OR UPDATE ON audit.access_log_other FOR EACH ROW EXECUTE FUNCTION audit.refuse_change()
audit.access_log_other CREATE TRIGGER trg_append_only_truncate BEFORE TRUNCATE ON audit.access_log_other FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()
audit.checkpoint CREATE TRIGGER trg_append_only BEFORE DELETE OR UPDATE ON audit.checkpoint FOR EACH ROW EXECUTE FUNCTION audit.refuse_change()
audit.checkpoint CREATE TRIGGER trg_append_only_truncate BEFORE TRUNCATE ON audit.checkpoint FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()
audit.decision CREATE TRIGGER trg_append_only BEFORE DELETE OR UPDATE ON audit.decision FOR EACH ROW EXECUTE FUNCTION audit.refuse_change()
audit.decision CREATE TRIGGER trg_append_only_truncate BEFORE TRUNCATE ON audit.decision FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()
audit.decision_other CREATE TRIGGER trg_append_only BEFORE DELETE OR UPDATE ON audit.decision_other FOR EACH ROW EXECUTE FUNCTION audit.refuse_change()
audit.decision_other CREATE TRIGGER trg_append_only_truncate BEFORE TRUNCATE ON audit.decision_other FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()
audit.ledger CREATE TRIGGER trg_append_only BEFORE DELETE OR UPDATE ON audit.ledger FOR EACH ROW EXECUTE FUNCTION audit.refuse_change()
audit.ledger CREATE TRIGGER trg_append_only_truncate BEFORE TRUNCATE ON audit.ledger FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()
audit.pending_grant CREATE CONSTRAINT TRIGGER trg_grants_written AFTER INSERT ON audit.pending_grant DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.write_grants()
audit.pruned CREATE TRIGGER trg_append_only BEFORE DELETE OR UPDATE ON audit.pruned FOR EACH ROW EXECUTE FUNCTION audit.refuse_change()
audit.pruned CREATE TRIGGER trg_append_only_truncate BEFORE TRUNCATE ON audit.pruned FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()
audit.seal CREATE TRIGGER trg_append_only BEFORE DELETE OR UPDATE ON audit.seal FOR EACH ROW EXECUTE FUNCTION audit.refuse_change()
audit.seal CREATE TRIGGER trg_append_only_truncate BEFORE TRUNCATE ON audit.seal FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()
identity.impersonation CREATE TRIGGER trg_audit_delete AFTER DELETE ON identity.impersonation REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('o.id = n.id')
identity.impersonation CREATE TRIGGER trg_audit_insert AFTER INSERT ON identity.impersonation REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('o.id = n.id')
identity.impersonation CREATE TRIGGER trg_audit_truncate AFTER TRUNCATE ON identity.impersonation FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('o.id = n.id')
identity.impersonation CREATE TRIGGER trg_audit_truncate_tenants BEFORE TRUNCATE ON identity.impersonation FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_truncate('tenant_id')
identity.impersonation CREATE TRIGGER trg_audit_update AFTER UPDATE ON identity.impersonation REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('o.id = n.id')
identity.impersonation CREATE TRIGGER trg_event_delete AFTER DELETE ON identity.impersonation REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION identity.capture_event()
identity.impersonation CREATE TRIGGER trg_event_insert AFTER INSERT ON identity.impersonation REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION identity.capture_event()
identity.impersonation CREATE TRIGGER trg_event_update AFTER UPDATE ON identity.impersonation REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION identity.capture_event()
identity.impersonation CREATE TRIGGER trg_impersonation_ended BEFORE UPDATE ON identity.impersonation FOR EACH ROW WHEN (((old.ended_at IS NOT NULL) AND (old.* IS DISTINCT FROM new.*))) EXECUTE FUNCTION identity.keep_ended()
identity.platform_admin CREATE TRIGGER trg_audit_delete AFTER DELETE ON identity.platform_admin REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('o.user_id = n.user_id')
identity.platform_admin CREATE TRIGGER trg_audit_insert AFTER INSERT ON identity.platform_admin REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('o.user_id = n.user_id')
identity.platform_admin CREATE TRIGGER trg_audit_truncate AFTER TRUNCATE ON identity.platform_admin FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('o.user_id = n.user_id')
identity.platform_admin CREATE TRIGGER trg_audit_update AFTER UPDATE ON identity.platform_admin REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('o.user_id = n.user_id')
identity.platform_admin CREATE TRIGGER trg_capture_delete AFTER DELETE ON identity.platform_admin REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
identity.platform_admin CREATE TRIGGER trg_capture_insert AFTER INSERT ON identity.platform_admin REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
identity.platform_admin CREATE TRIGGER trg_capture_truncate AFTER TRUNCATE ON identity.platform_admin FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
identity.platform_admin CREATE TRIGGER trg_capture_update AFTER UPDATE ON identity.platform_admin REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
identity.platform_admin CREATE TRIGGER trg_escalation BEFORE INSERT OR UPDATE ON identity.platform_admin FOR EACH ROW EXECUTE FUNCTION security.guard_platform_seat()
identity.platform_admin CREATE TRIGGER trg_impersonation_seat AFTER DELETE OR UPDATE OF user_id ON identity.platform_admin FOR EACH ROW EXECUTE FUNCTION identity.end_impersonations_of_actor()
identity.platform_admin CREATE TRIGGER trg_platform_admin_audit AFTER INSERT OR DELETE ON identity.platform_admin FOR EACH ROW EXECUTE FUNCTION identity.audit_platform_admin()
identity.platform_admin CREATE TRIGGER trg_platform_admin_last AFTER DELETE OR UPDATE ON identity.platform_admin FOR EACH STATEMENT EXECUTE FUNCTION identity.keep_last_platform_admin()
identity.platform_admin CREATE TRIGGER trg_platform_admin_lock BEFORE DELETE OR UPDATE ON identity.platform_admin FOR EACH STATEMENT EXECUTE FUNCTION identity.lock_platform_admins()
identity.tenant CREATE TRIGGER trg_audit_delete AFTER DELETE ON identity.tenant REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('o.id = n.id')
identity.tenant CREATE TRIGGER trg_audit_insert AFTER INSERT ON identity.tenant REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('o.id = n.id')
identity.tenant CREATE TRIGGER trg_audit_truncate AFTER TRUNCATE ON identity.tenant FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('o.id = n.id')
identity.tenant CREATE TRIGGER trg_audit_truncate_tenants BEFORE TRUNCATE ON identity.tenant FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_truncate('id')
identity.tenant CREATE TRIGGER trg_audit_update AFTER UPDATE ON identity.tenant REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('o.id = n.id')
identity.tenant CREATE TRIGGER trg_capture_delete AFTER DELETE ON identity.tenant REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
identity.tenant CREATE TRIGGER trg_capture_insert AFTER INSERT ON identity.tenant REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
identity.tenant CREATE TRIGGER trg_capture_truncate AFTER TRUNCATE ON identity.tenant FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
identity.tenant CREATE TRIGGER trg_capture_update AFTER UPDATE ON identity.tenant REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
identity.tenant CREATE TRIGGER trg_event_delete AFTER DELETE ON identity.tenant REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION identity.capture_event()
identity.tenant CREATE TRIGGER trg_event_insert AFTER INSERT ON identity.tenant REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION identity.capture_event()
identity.tenant CREATE TRIGGER trg_event_update AFTER UPDATE ON identity.tenant REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION identity.capture_event()
identity.tenant CREATE TRIGGER trg_preset_roles AFTER INSERT OR UPDATE OF preset ON identity.tenant FOR EACH ROW EXECUTE FUNCTION security.apply_presets_to_new()
identity.tenant CREATE TRIGGER trg_tenant_slug BEFORE INSERT ON identity.tenant FOR EACH ROW WHEN ((new.slug IS NULL)) EXECUTE FUNCTION identity.fill_tenant_slug()
identity.tenant_audit CREATE TRIGGER trg_append_only BEFORE DELETE OR UPDATE ON identity.tenant_audit FOR EACH ROW EXECUTE FUNCTION audit.refuse_change()
identity.tenant_audit CREATE TRIGGER trg_append_only_truncate BEFORE TRUNCATE ON identity.tenant_audit FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()
public.roles CREATE TRIGGER trg_write INSTEAD OF INSERT OR DELETE OR UPDATE ON public.roles FOR EACH ROW EXECUTE FUNCTION security.write_roles()
public.tenants CREATE TRIGGER trg_delete INSTEAD OF DELETE ON public.tenants FOR EACH ROW EXECUTE FUNCTION security.delete_tenant()
public.user_assignments CREATE TRIGGER trg_write INSTEAD OF INSERT ON public.user_assignments FOR EACH ROW EXECUTE FUNCTION security.write_user_assignments()
public.user_roles CREATE TRIGGER trg_write INSTEAD OF INSERT OR DELETE OR UPDATE ON public.user_roles FOR EACH ROW EXECUTE FUNCTION security.write_user_roles()
public.users CREATE TRIGGER trg_delete INSTEAD OF DELETE ON public.users FOR EACH ROW EXECUTE FUNCTION security.delete_user()
security.access_policy CREATE TRIGGER trg_audit AFTER INSERT OR UPDATE ON security.access_policy FOR EACH ROW EXECUTE FUNCTION audit.capture_access_policy()
security.access_review CREATE TRIGGER trg_review_followed AFTER INSERT OR UPDATE ON security.access_review FOR EACH ROW EXECUTE FUNCTION security.follow_review()
security.access_review CREATE TRIGGER trg_review_moved BEFORE UPDATE ON security.access_review FOR EACH ROW EXECUTE FUNCTION security.move_review()
security.access_review CREATE TRIGGER trg_review_opened BEFORE INSERT ON security.access_review FOR EACH ROW EXECUTE FUNCTION security.open_review()
security.app_user CREATE TRIGGER trg_app_user_last_platform_admin AFTER UPDATE OF status ON security.app_user FOR EACH ROW WHEN (((old.status = 'active'::text) AND (new.status <> 'active'::text))) EXECUTE FUNCTION identity.keep_last_platform_admin()
security.app_user CREATE TRIGGER trg_audit_delete AFTER DELETE ON security.app_user REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('o.id = n.id')
security.app_user CREATE TRIGGER trg_audit_insert AFTER INSERT ON security.app_user REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('o.id = n.id')
security.app_user CREATE TRIGGER trg_audit_truncate AFTER TRUNCATE ON security.app_user FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('o.id = n.id')
security.app_user CREATE TRIGGER trg_audit_truncate_tenants BEFORE TRUNCATE ON security.app_user FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_truncate('tenant_id')
security.app_user CREATE TRIGGER trg_audit_update AFTER UPDATE ON security.app_user REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('o.id = n.id')
security.app_user CREATE TRIGGER trg_capture_delete AFTER DELETE ON security.app_user REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.app_user CREATE TRIGGER trg_capture_insert AFTER INSERT ON security.app_user REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.app_user CREATE TRIGGER trg_capture_truncate AFTER TRUNCATE ON security.app_user FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.app_user CREATE TRIGGER trg_capture_update AFTER UPDATE ON security.app_user REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.app_user CREATE TRIGGER trg_delegation_left AFTER UPDATE OF status, tenant_id ON security.app_user FOR EACH ROW WHEN ((((old.status = 'active'::text) AND (new.status <> 'active'::text)) OR (old.tenant_id IS DISTINCT FROM new.tenant_id))) EXECUTE FUNCTION security.end_delegations()
security.app_user CREATE TRIGGER trg_elevation_left AFTER UPDATE OF status, tenant_id ON security.app_user FOR EACH ROW WHEN ((((old.status = 'active'::text) AND (new.status <> 'active'::text)) OR (old.tenant_id IS DISTINCT FROM new.tenant_id))) EXECUTE FUNCTION security.cancel_elevations()
security.app_user CREATE TRIGGER trg_escalation BEFORE UPDATE OF email ON security.app_user FOR EACH ROW WHEN ((old.email <> new.email)) EXECUTE FUNCTION security.guard_credential()
security.app_user CREATE TRIGGER trg_event_delete AFTER DELETE ON security.app_user REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION identity.capture_event()
security.app_user CREATE TRIGGER trg_event_insert AFTER INSERT ON security.app_user REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION identity.capture_event()
security.app_user CREATE TRIGGER trg_event_update AFTER UPDATE ON security.app_user REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION identity.capture_event()
security.app_user CREATE TRIGGER trg_impersonation_actor AFTER UPDATE OF status ON security.app_user FOR EACH ROW WHEN (((old.status = 'active'::text) AND (new.status <> 'active'::text))) EXECUTE FUNCTION identity.end_impersonations_of_actor()
security.app_user CREATE TRIGGER trg_last_admin_delete AFTER DELETE ON security.app_user REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION security.watch_admins()
security.app_user CREATE TRIGGER trg_last_admin_insert AFTER INSERT ON security.app_user REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION security.watch_admins()
security.app_user CREATE TRIGGER trg_last_admin_update AFTER UPDATE ON security.app_user REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION security.watch_admins()
security.app_user CREATE TRIGGER trg_owns_records BEFORE DELETE ON security.app_user FOR EACH ROW EXECUTE FUNCTION security.require_no_records()
security.app_user CREATE TRIGGER trg_platform_seat BEFORE UPDATE OF status, tenant_id ON security.app_user FOR EACH ROW WHEN (((old.status <> new.status) OR (old.tenant_id IS DISTINCT FROM new.tenant_id))) EXECUTE FUNCTION security.guard_platform_user()
security.app_user CREATE TRIGGER trg_read_committed BEFORE DELETE OR UPDATE OF status, tenant_id OR TRUNCATE ON security.app_user FOR EACH STATEMENT EXECUTE FUNCTION security.require_read_committed()
security.credential CREATE TRIGGER trg_audit AFTER INSERT OR UPDATE ON security.credential FOR EACH ROW WHEN (new.one_time) EXECUTE FUNCTION audit.capture_credential()
security.credential CREATE TRIGGER trg_escalation BEFORE INSERT OR UPDATE OF password_hash ON security.credential FOR EACH ROW EXECUTE FUNCTION security.guard_credential()
security.delegation CREATE TRIGGER trg_delegation_followed AFTER INSERT OR UPDATE ON security.delegation FOR EACH ROW EXECUTE FUNCTION security.follow_delegation()
security.delegation CREATE TRIGGER trg_delegation_held BEFORE INSERT ON security.delegation FOR EACH ROW WHEN ((new.role_id IS NOT NULL)) EXECUTE FUNCTION security.refuse_delegate()
security.delegation CREATE TRIGGER trg_delegation_kept BEFORE INSERT ON security.delegation FOR EACH ROW EXECUTE FUNCTION security.keep_emergency()
security.delegation CREATE TRIGGER trg_delegation_moved BEFORE UPDATE ON security.delegation FOR EACH ROW EXECUTE FUNCTION security.move_delegation()
security.delegation CREATE TRIGGER trg_delegation_opened BEFORE INSERT ON security.delegation FOR EACH ROW EXECUTE FUNCTION security.open_delegation()
security.elevation CREATE TRIGGER trg_elevation_followed AFTER INSERT OR UPDATE ON security.elevation FOR EACH ROW EXECUTE FUNCTION security.follow_elevation()
security.elevation CREATE TRIGGER trg_elevation_moved BEFORE UPDATE ON security.elevation FOR EACH ROW EXECUTE FUNCTION security.move_elevation()
security.elevation CREATE TRIGGER trg_elevation_opened BEFORE INSERT ON security.elevation FOR EACH ROW EXECUTE FUNCTION security.open_elevation()
security.emergency_access CREATE TRIGGER trg_emergency_followed AFTER INSERT OR UPDATE ON security.emergency_access FOR EACH ROW EXECUTE FUNCTION security.follow_emergency()
security.emergency_access CREATE TRIGGER trg_emergency_moved BEFORE UPDATE ON security.emergency_access FOR EACH ROW EXECUTE FUNCTION security.move_emergency()
security.emergency_access CREATE TRIGGER trg_emergency_opened BEFORE INSERT ON security.emergency_access FOR EACH ROW EXECUTE FUNCTION security.open_emergency()
security.emergency_role CREATE TRIGGER trg_audit AFTER INSERT OR DELETE ON security.emergency_role FOR EACH ROW EXECUTE FUNCTION audit.capture_emergency_role()
security.emergency_role CREATE TRIGGER trg_escalation BEFORE INSERT OR UPDATE ON security.emergency_role FOR EACH ROW EXECUTE FUNCTION security.guard_emergency_role()
security.record CREATE TRIGGER trg_audit_delete AFTER DELETE ON security.record REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('(o.tenant_id, o.id) = (n.tenant_id, n.id)')
security.record CREATE TRIGGER trg_audit_insert AFTER INSERT ON security.record REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('(o.tenant_id, o.id) = (n.tenant_id, n.id)')
security.record CREATE TRIGGER trg_audit_truncate AFTER TRUNCATE ON security.record FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('(o.tenant_id, o.id) = (n.tenant_id, n.id)')
security.record CREATE TRIGGER trg_audit_truncate_tenants BEFORE TRUNCATE ON security.record FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_truncate('tenant_id')
security.record CREATE TRIGGER trg_audit_update AFTER UPDATE ON security.record REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('(o.tenant_id, o.id) = (n.tenant_id, n.id)')
security.record CREATE TRIGGER trg_capture_delete AFTER DELETE ON security.record REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.record CREATE TRIGGER trg_capture_insert AFTER INSERT ON security.record REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.record CREATE TRIGGER trg_capture_truncate AFTER TRUNCATE ON security.record FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.record CREATE TRIGGER trg_capture_update AFTER UPDATE ON security.record REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.review_item CREATE TRIGGER trg_audit AFTER UPDATE ON security.review_item FOR EACH ROW EXECUTE FUNCTION audit.capture_review_item()
security.review_item CREATE TRIGGER trg_review_item_decided BEFORE UPDATE ON security.review_item FOR EACH ROW EXECUTE FUNCTION security.decide_review_item()
security.role CREATE TRIGGER trg_audit_delete AFTER DELETE ON security.role REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('(o.id, o.tenant_id) = (n.id, n.tenant_id)')
security.role CREATE TRIGGER trg_audit_insert AFTER INSERT ON security.role REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('(o.id, o.tenant_id) = (n.id, n.tenant_id)')
security.role CREATE TRIGGER trg_audit_truncate AFTER TRUNCATE ON security.role FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('(o.id, o.tenant_id) = (n.id, n.tenant_id)')
security.role CREATE TRIGGER trg_audit_truncate_tenants BEFORE TRUNCATE ON security.role FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_truncate('tenant_id')
security.role CREATE TRIGGER trg_audit_update AFTER UPDATE ON security.role REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('(o.id, o.tenant_id) = (n.id, n.tenant_id)')
security.role CREATE TRIGGER trg_capture_delete AFTER DELETE ON security.role REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.role CREATE TRIGGER trg_capture_insert AFTER INSERT ON security.role REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.role CREATE TRIGGER trg_capture_truncate AFTER TRUNCATE ON security.role FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.role CREATE TRIGGER trg_capture_update AFTER UPDATE ON security.role REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.role CREATE TRIGGER trg_role_protected BEFORE INSERT OR DELETE OR UPDATE ON security.role FOR EACH ROW EXECUTE FUNCTION security.protect_role()
security.role CREATE TRIGGER trg_role_version BEFORE UPDATE OF description, name ON security.role FOR EACH ROW WHEN (((new.description IS DISTINCT FROM old.description) OR (new.name IS DISTINCT FROM old.name))) EXECUTE FUNCTION security.describe_role()
security.role_permission CREATE TRIGGER trg_audit_delete AFTER DELETE ON security.role_permission REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.note_grants()
security.role_permission CREATE TRIGGER trg_audit_insert AFTER INSERT ON security.role_permission REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.note_grants()
security.role_permission CREATE TRIGGER trg_audit_truncate AFTER TRUNCATE ON security.role_permission FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change()
security.role_permission CREATE TRIGGER trg_audit_truncate_tenants BEFORE TRUNCATE ON security.role_permission FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_truncate('tenant_id')
security.role_permission CREATE TRIGGER trg_audit_update AFTER UPDATE ON security.role_permission REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.note_grants()
security.role_permission CREATE TRIGGER trg_capture_delete AFTER DELETE ON security.role_permission REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.role_permission CREATE TRIGGER trg_capture_insert AFTER INSERT ON security.role_permission REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.role_permission CREATE TRIGGER trg_capture_truncate AFTER TRUNCATE ON security.role_permission FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.role_permission CREATE TRIGGER trg_capture_update AFTER UPDATE ON security.role_permission REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.role_permission CREATE TRIGGER trg_delegation_delete AFTER DELETE ON security.role_permission REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION security.settle_delegations_of_role()
security.role_permission CREATE TRIGGER trg_delegation_update AFTER UPDATE ON security.role_permission REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION security.settle_delegations_of_role()
security.role_permission CREATE TRIGGER trg_escalation_insert AFTER INSERT ON security.role_permission REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION security.guard_grant()
security.role_permission CREATE TRIGGER trg_escalation_update AFTER UPDATE ON security.role_permission REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION security.guard_grant()
security.role_permission CREATE TRIGGER trg_last_admin_delete AFTER DELETE ON security.role_permission REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION security.watch_admins()
security.role_permission CREATE TRIGGER trg_last_admin_insert AFTER INSERT ON security.role_permission REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION security.watch_admins()
security.role_permission CREATE TRIGGER trg_last_admin_truncate AFTER TRUNCATE ON security.role_permission FOR EACH STATEMENT EXECUTE FUNCTION security.watch_admins()
security.role_permission CREATE TRIGGER trg_last_admin_update AFTER UPDATE ON security.role_permission REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION security.watch_admins()
security.role_permission CREATE TRIGGER trg_protected_delete AFTER DELETE ON security.role_permission REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION security.protect_permission_set()
security.role_permission CREATE TRIGGER trg_protected_insert AFTER INSERT ON security.role_permission REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION security.protect_permission_set()
security.role_permission CREATE TRIGGER trg_protected_truncate BEFORE TRUNCATE ON security.role_permission FOR EACH STATEMENT EXECUTE FUNCTION security.protect_permission_set()
security.role_permission CREATE TRIGGER trg_protected_update AFTER UPDATE ON security.role_permission REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION security.protect_permission_set()
security.role_permission CREATE TRIGGER trg_read_committed BEFORE DELETE OR UPDATE OR TRUNCATE ON security.role_permission FOR EACH STATEMENT EXECUTE FUNCTION security.require_read_committed()
security.role_permission CREATE TRIGGER trg_role_permission_tenant BEFORE INSERT ON security.role_permission FOR EACH ROW EXECUTE FUNCTION security.fill_role_tenant()
security.role_permission CREATE TRIGGER trg_role_version_delete AFTER DELETE ON security.role_permission REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION security.touch_roles()
security.role_permission CREATE TRIGGER trg_role_version_insert AFTER INSERT ON security.role_permission REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION security.touch_roles()
security.role_permission CREATE TRIGGER trg_role_version_update AFTER UPDATE ON security.role_permission REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION security.touch_roles()
security.role_permission CREATE TRIGGER trg_xid BEFORE INSERT OR UPDATE ON security.role_permission FOR EACH ROW EXECUTE FUNCTION security.set_xid()
security.service_key CREATE TRIGGER trg_audit_delete AFTER DELETE ON security.service_key REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('o.id = n.id')
security.service_key CREATE TRIGGER trg_audit_insert AFTER INSERT ON security.service_key REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('o.id = n.id')
security.service_key CREATE TRIGGER trg_audit_truncate AFTER TRUNCATE ON security.service_key FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('o.id = n.id')
security.service_key CREATE TRIGGER trg_audit_truncate_tenants BEFORE TRUNCATE ON security.service_key FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_truncate('tenant_id')
security.service_key CREATE TRIGGER trg_audit_update AFTER UPDATE ON security.service_key REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('o.id = n.id')
security.tenant_admin CREATE CONSTRAINT TRIGGER trg_last_admin AFTER UPDATE ON security.tenant_admin DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION security.require_admin()
security.user_assignment CREATE TRIGGER trg_audit_delete AFTER DELETE ON security.user_assignment REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('(o.tenant_id, o.user_id, o.assigned_user_id) = (n.tenant_id, n.user_id, n.assigned_user_id)')
security.user_assignment CREATE TRIGGER trg_audit_insert AFTER INSERT ON security.user_assignment REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('(o.tenant_id, o.user_id, o.assigned_user_id) = (n.tenant_id, n.user_id, n.assigned_user_id)')
security.user_assignment CREATE TRIGGER trg_audit_truncate AFTER TRUNCATE ON security.user_assignment FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('(o.tenant_id, o.user_id, o.assigned_user_id) = (n.tenant_id, n.user_id, n.assigned_user_id)')
security.user_assignment CREATE TRIGGER trg_audit_truncate_tenants BEFORE TRUNCATE ON security.user_assignment FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_truncate('tenant_id')
security.user_assignment CREATE TRIGGER trg_audit_update AFTER UPDATE ON security.user_assignment REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('(o.tenant_id, o.user_id, o.assigned_user_id) = (n.tenant_id, n.user_id, n.assigned_user_id)')
security.user_assignment CREATE TRIGGER trg_capture_delete AFTER DELETE ON security.user_assignment REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.user_assignment CREATE TRIGGER trg_capture_insert AFTER INSERT ON security.user_assignment REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.user_assignment CREATE TRIGGER trg_capture_truncate AFTER TRUNCATE ON security.user_assignment FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.user_assignment CREATE TRIGGER trg_capture_update AFTER UPDATE ON security.user_assignment REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.user_assignment CREATE TRIGGER trg_delegation_delete AFTER DELETE ON security.user_assignment REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION security.settle_team_delegations()
security.user_assignment CREATE TRIGGER trg_delegation_update AFTER UPDATE ON security.user_assignment REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION security.settle_team_delegations()
security.user_assignment CREATE TRIGGER trg_escalation_insert AFTER INSERT ON security.user_assignment REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION security.guard_team_change()
security.user_assignment CREATE TRIGGER trg_escalation_update AFTER UPDATE ON security.user_assignment REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION security.guard_team_change()
security.user_assignment CREATE TRIGGER trg_team_structure_insert AFTER INSERT ON security.user_assignment REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION security.guard_team_structure()
security.user_assignment CREATE TRIGGER trg_team_structure_update AFTER UPDATE ON security.user_assignment REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION security.guard_team_structure()
security.user_role CREATE TRIGGER trg_audit_delete AFTER DELETE ON security.user_role REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('(o.id, o.user_id, coalesce(o.role_id, o.role_name), o.tenant_id is null) = (n.id, n.user_id, coalesce(n.role_id, n.role_name), n.tenant_id is null)')
security.user_role CREATE TRIGGER trg_audit_insert AFTER INSERT ON security.user_role REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('(o.id, o.user_id, coalesce(o.role_id, o.role_name), o.tenant_id is null) = (n.id, n.user_id, coalesce(n.role_id, n.role_name), n.tenant_id is null)')
security.user_role CREATE TRIGGER trg_audit_truncate AFTER TRUNCATE ON security.user_role FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('(o.id, o.user_id, coalesce(o.role_id, o.role_name), o.tenant_id is null) = (n.id, n.user_id, coalesce(n.role_id, n.role_name), n.tenant_id is null)')
security.user_role CREATE TRIGGER trg_audit_truncate_tenants BEFORE TRUNCATE ON security.user_role FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_truncate('tenant_id')
security.user_role CREATE TRIGGER trg_audit_update AFTER UPDATE ON security.user_role REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit.capture_change('(o.id, o.user_id, coalesce(o.role_id, o.role_name), o.tenant_id is null) = (n.id, n.user_id, coalesce(n.role_id, n.role_name), n.tenant_id is null)')
security.user_role CREATE TRIGGER trg_capture_delete AFTER DELETE ON security.user_role REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.user_role CREATE TRIGGER trg_capture_insert AFTER INSERT ON security.user_role REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.user_role CREATE TRIGGER trg_capture_truncate AFTER TRUNCATE ON security.user_role FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.user_role CREATE TRIGGER trg_capture_update AFTER UPDATE ON security.user_role REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sync.capture()
security.user_role CREATE TRIGGER trg_delegation_delete AFTER DELETE ON security.user_role REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION security.settle_delegations()
security.user_role CREATE TRIGGER trg_delegation_update AFTER UPDATE ON security.user_role REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION security.settle_delegations()
security.user_role CREATE TRIGGER trg_elevation_delete AFTER DELETE ON security.user_role REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION security.end_elevations()
security.user_role CREATE TRIGGER trg_elevation_update AFTER UPDATE ON security.user_role REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION security.end_elevations()
security.user_role CREATE TRIGGER trg_emergency_delete AFTER DELETE ON security.user_role REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION security.end_emergencies()
security.user_role CREATE TRIGGER trg_emergency_update AFTER UPDATE ON security.user_role REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION security.end_emergencies()
security.user_role CREATE TRIGGER trg_escalation_insert AFTER INSERT ON security.user_role REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION security.guard_assignment()
security.user_role CREATE TRIGGER trg_escalation_update AFTER UPDATE ON security.user_role REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION security.guard_assignment()
security.user_role CREATE TRIGGER trg_last_admin_delete AFTER DELETE ON security.user_role REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION security.watch_admins()
security.user_role CREATE TRIGGER trg_last_admin_insert AFTER INSERT ON security.user_role REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION security.watch_admins()
security.user_role CREATE TRIGGER trg_last_admin_truncate AFTER TRUNCATE ON security.user_role FOR EACH STATEMENT EXECUTE FUNCTION security.watch_admins()
security.user_role CREATE TRIGGER trg_last_admin_update AFTER UPDATE ON security.user_role REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION security.watch_admins()
security.user_role CREATE TRIGGER trg_read_committed BEFORE DELETE OR UPDATE OF user_id, role_id, role_name, tenant_id, valid_from, expires_at, revoked_at OR TRUNCATE ON security.user_role FOR EACH STATEMENT EXECUTE FUNCTION security.require_read_committed()
security.user_role CREATE TRIGGER trg_user_role_slot BEFORE INSERT OR UPDATE ON security.user_role FOR EACH ROW EXECUTE FUNCTION security.set_slot()
security.user_role CREATE TRIGGER trg_user_role_tenant BEFORE INSERT ON security.user_role FOR EACH ROW EXECUTE FUNCTION security.fill_role_tenant()
security.user_role CREATE TRIGGER trg_xid BEFORE INSERT OR UPDATE ON security.user_role FOR EACH ROW EXECUTE FUNCTION security.set_xid()

-- policies
audit.access_log p_auditor for SELECT to bailiwick_auditor using true
audit.access_log p_operator for ALL to bailiwick_operator using true check true
audit.access_log p_owner for ALL to bailiwick_owner using true check true
audit.access_log p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
audit.access_log p_service_shows for INSERT to bailiwick_service check (access_action = ANY (ARRAY['READ'::text, 'EXPORT'::text, 'PRINT'::text]))
audit.access_log p_sync for SELECT to bailiwick_sync using true
audit.access_log_other p_operator for ALL to bailiwick_operator using true check true
audit.access_log_other p_owner for ALL to bailiwick_owner using true check true
audit.access_log_other p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
audit.checkpoint p_owner for ALL to bailiwick_owner using true check true
audit.checkpoint p_reader for SELECT to bailiwick_auditor,bailiwick_operator using true
audit.checkpoint p_sync for ALL to bailiwick_sync using true check true
audit.decision p_auditor for SELECT to bailiwick_auditor using true
audit.decision p_operator for ALL to bailiwick_operator using true check true
audit.decision p_owner for ALL to bailiwick_owner using true check true
audit.decision p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
audit.decision p_sync for SELECT to bailiwick_sync using true
audit.decision_other p_operator for ALL to bailiwick_operator using true check true
audit.decision_other p_owner for ALL to bailiwick_owner using true check true
audit.decision_other p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
audit.idempotency_claim p_owner for ALL to bailiwick_owner using true check true
audit.idempotency_claim p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
audit.ledger p_owner for ALL to bailiwick_owner using true check true
audit.ledger p_reader for SELECT to bailiwick_auditor,bailiwick_operator using true
audit.ledger p_sync for ALL to bailiwick_sync using true check true
audit.pending_grant p_owner for ALL to bailiwick_owner using true check true
audit.pruned p_owner for ALL to bailiwick_owner using true check true
audit.pruned p_reader for SELECT to bailiwick_auditor,bailiwick_operator using true
audit.pruned p_sync for ALL to bailiwick_sync using true check true
audit.seal p_owner for ALL to bailiwick_owner using true check true
audit.seal p_reader for SELECT to bailiwick_auditor,bailiwick_operator using true
audit.seal p_sync for ALL to bailiwick_sync using true check true
identity.impersonation p_operator for ALL to bailiwick_operator using true check true
identity.impersonation p_owner for ALL to bailiwick_owner using true check true
identity.impersonation p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
identity.mail_outbox p_operator for SELECT to bailiwick_operator using true
identity.mail_outbox p_owner for ALL to bailiwick_owner using true check true
identity.mail_outbox p_service for ALL to bailiwick_service using security.in_scope(NULL::text)
identity.mail_outbox p_service_enqueue for INSERT to bailiwick_service check security.in_scope(tenant_id)
identity.mailer p_operator for SELECT to bailiwick_operator using true
identity.mailer p_owner for ALL to bailiwick_owner using true check true
identity.mailer p_service for ALL to bailiwick_service using security.in_scope(NULL::text)
identity.platform_admin p_operator for ALL to bailiwick_operator using true check true
identity.platform_admin p_owner for ALL to bailiwick_owner using true check true
identity.platform_admin p_service for ALL to bailiwick_service using security.in_scope(NULL::text)
identity.platform_admin p_sync for SELECT to bailiwick_sync using true
identity.session p_operator for ALL to bailiwick_operator using true check true
identity.session p_owner for ALL to bailiwick_owner using true check true
identity.session p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
identity.signing_key p_operator for ALL to bailiwick_operator using true check true
identity.signing_key p_owner for ALL to bailiwick_owner using true check true
identity.signing_key p_service for ALL to bailiwick_service using security.in_scope(NULL::text)
identity.tenant p_operator for ALL to bailiwick_operator using true check true
identity.tenant p_owner for ALL to bailiwick_owner using true check true
identity.tenant p_service for ALL to bailiwick_service using security.in_scope(id)
identity.tenant p_sync for SELECT to bailiwick_sync using true
identity.tenant_audit p_auditor for SELECT to bailiwick_auditor using true
identity.tenant_audit p_operator for ALL to bailiwick_operator using true check true
identity.tenant_audit p_owner for ALL to bailiwick_owner using true check true
identity.tenant_audit p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
security.access_policy p_operator for ALL to bailiwick_operator using true check true
security.access_policy p_owner for ALL to bailiwick_owner using true check true
security.access_policy p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
security.access_review p_operator for ALL to bailiwick_operator using true check true
security.access_review p_owner for ALL to bailiwick_owner using true check true
security.access_review p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
security.app_user p_operator for ALL to bailiwick_operator using true check true
security.app_user p_owner for ALL to bailiwick_owner using true check true
security.app_user p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
security.app_user p_sync for SELECT to bailiwick_sync using true
security.credential p_operator for ALL to bailiwick_operator using true check true
security.credential p_owner for ALL to bailiwick_owner using true check true
security.credential p_service for ALL to bailiwick_service using (EXISTS ( SELECT FROM security.app_user u WHERE (u.id = credential.user_id)))
security.delegated_member p_operator for ALL to bailiwick_operator using true check true
security.delegated_member p_owner for ALL to bailiwick_owner using true check true
security.delegated_member p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
security.delegation p_operator for ALL to bailiwick_operator using true check true
security.delegation p_owner for ALL to bailiwick_owner using true check true
security.delegation p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
security.elevation p_operator for ALL to bailiwick_operator using true check true
security.elevation p_owner for ALL to bailiwick_owner using true check true
security.elevation p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
security.emergency_access p_operator for ALL to bailiwick_operator using true check true
security.emergency_access p_owner for ALL to bailiwick_owner using true check true
security.emergency_access p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
security.emergency_role p_operator for ALL to bailiwick_operator using true check true
security.emergency_role p_owner for ALL to bailiwick_owner using true check true
security.emergency_role p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
security.record p_operator for ALL to bailiwick_operator using true check true
security.record p_owner for ALL to bailiwick_owner using true check true
security.record p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
security.record p_sync for SELECT to bailiwick_sync using true
security.review_item p_operator for ALL to bailiwick_operator using true check true
security.review_item p_owner for ALL to bailiwick_owner using true check true
security.review_item p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
security.role p_operator for ALL to bailiwick_operator using true check true
security.role p_owner for ALL to bailiwick_owner using true check true
security.role p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
security.role p_sync for SELECT to bailiwick_sync using true
security.role_permission p_operator for ALL to bailiwick_operator using true check true
security.role_permission p_owner for ALL to bailiwick_owner using true check true
security.role_permission p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
security.role_permission p_sync for SELECT to bailiwick_sync using true
security.service_key p_operator for ALL to bailiwick_operator using true check true
security.service_key p_owner for ALL to bailiwick_owner using true check true
security.service_key p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
security.sign_in_failure p_operator for ALL to bailiwick_operator using true check true
security.sign_in_failure p_owner for ALL to bailiwick_owner using true check true
security.sign_in_failure p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
security.sign_in_source p_operator for ALL to bailiwick_operator using true check true
security.sign_in_source p_owner for ALL to bailiwick_owner using true check true
security.sign_in_source p_service for ALL to bailiwick_service using security.in_scope(NULL::text)
security.team_structure p_owner for ALL to bailiwick_owner using true check true
security.tenant_admin p_owner for ALL to bailiwick_owner using true check true
security.user_assignment p_operator for ALL to bailiwick_operator using true check true
security.user_assignment p_owner for ALL to bailiwick_owner using true check true
security.user_assignment p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
security.user_assignment p_sync for SELECT to bailiwick_sync using true
security.user_role p_operator for ALL to bailiwick_operator using true check true
security.user_role p_owner for ALL to bailiwick_owner using true check true
security.user_role p_service for ALL to bailiwick_service using security.in_scope(tenant_id)
security.user_role p_service_global for SELECT to bailiwick_service using ((tenant_id IS NULL) AND (EXISTS ( SELECT FROM security.app_user u WHERE (u.id = user_role.user_id))))
security.user_role p_sync for SELECT to bailiwick_sync using true

-- grants
audit.access_log bailiwick_auditor: select
audit.access_log bailiwick_operator: select
audit.access_log bailiwick_service: select
audit.access_log bailiwick_sync: select
audit.checkpoint bailiwick_auditor: select
audit.checkpoint bailiwick_operator: select
audit.checkpoint bailiwick_sync: select
audit.decision bailiwick_auditor: select
audit.decision bailiwick_operator: select
audit.decision bailiwick_service: select
audit.decision bailiwick_sync: select
audit.idempotency_claim bailiwick_service: delete insert select update
audit.ledger bailiwick_auditor: select
audit.ledger bailiwick_operator: select
audit.ledger bailiwick_sync: select
audit.pruned bailiwick_auditor: select
audit.pruned bailiwick_operator: select
audit.pruned bailiwick_sync: select
audit.seal bailiwick_auditor: select
audit.seal bailiwick_operator: select
audit.seal bailiwick_sync: select
identity.impersonation bailiwick_operator: delete insert select update
identity.impersonation bailiwick_service: insert select
identity.mail_outbox bailiwick_service: delete
identity.mailer bailiwick_service: insert select update
identity.platform_admin bailiwick_operator: delete insert select update
identity.platform_admin bailiwick_service: delete insert select update
identity.platform_admin bailiwick_sync: select
identity.session bailiwick_operator: delete select update
identity.session bailiwick_service: delete insert select update
identity.signing_key bailiwick_operator: delete
identity.signing_key bailiwick_service: delete insert select update
identity.tenant bailiwick_operator: delete insert select update
identity.tenant bailiwick_service: delete insert select update
identity.tenant bailiwick_sync: select
identity.tenant_audit bailiwick_auditor: select
identity.tenant_audit bailiwick_operator: select
identity.tenant_audit bailiwick_service: insert select
public.roles bailiwick_operator: delete insert select update
public.tenants bailiwick_operator: delete insert select update
public.user_assignments bailiwick_operator: delete insert select update
public.user_roles bailiwick_operator: delete insert select update
public.users bailiwick_operator: delete insert select update
security.access_policy bailiwick_operator: insert select update
security.access_policy bailiwick_service: insert select update
security.access_review bailiwick_operator: select
security.access_review bailiwick_service: select
security.app_user bailiwick_operator: delete insert select update
security.app_user bailiwick_service: delete insert select update
security.app_user bailiwick_sync: select
security.credential bailiwick_operator: delete insert update
security.credential bailiwick_service: delete insert select update
security.delegated_member bailiwick_operator: select
security.delegated_member bailiwick_service: select
security.delegation bailiwick_operator: select
security.delegation bailiwick_service: select
security.elevation bailiwick_operator: select
security.elevation bailiwick_service: select
security.emergency_access bailiwick_operator: select
security.emergency_access bailiwick_service: select
security.emergency_role bailiwick_operator: delete insert select
security.emergency_role bailiwick_service: delete insert select
security.permission bailiwick_operator: select
security.permission bailiwick_service: select
security.permission bailiwick_sync: delete insert select update
security.preset_role bailiwick_operator: select
security.preset_role bailiwick_service: select
security.preset_role bailiwick_sync: delete insert select update
security.record bailiwick_operator: delete insert select truncate update
security.record bailiwick_service: delete insert select update
security.record bailiwick_sync: select
security.review_item bailiwick_operator: select
security.review_item bailiwick_service: select
security.role bailiwick_operator: delete insert select update
security.role bailiwick_service: delete insert select update
security.role bailiwick_sync: select
security.role_permission bailiwick_operator: delete insert select truncate update
security.role_permission bailiwick_service: delete insert select update
security.role_permission bailiwick_sync: select
security.service_key bailiwick_operator: delete insert select update
security.service_key bailiwick_service: delete insert select update
security.sign_in_failure bailiwick_operator: delete select
security.sign_in_failure bailiwick_service: delete insert select update
security.sign_in_source bailiwick_operator: delete select
security.sign_in_source bailiwick_service: delete insert select update
security.user_assignment bailiwick_operator: delete insert select truncate update
security.user_assignment bailiwick_service: delete insert select update
security.user_assignment bailiwick_sync: select
security.user_role bailiwick_operator: delete insert select truncate update
security.user_role bailiwick_service: delete insert select update
security.user_role bailiwick_sync: select
sync.applied bailiwick_operator: select
sync.applied bailiwick_service: select
sync.applied bailiwick_sync: delete insert select update
sync.claim bailiwick_operator: select
sync.claim bailiwick_sync: delete insert select update
sync.epoch bailiwick_operator: select
sync.epoch bailiwick_service: select
sync.epoch bailiwick_sync: select
sync.model bailiwick_operator: select
sync.model bailiwick_service: select
sync.model bailiwick_sync: delete insert select update
sync.outbox bailiwick_operator: insert select update
sync.outbox bailiwick_sync: delete insert select update

-- grants of columns
audit.access_log bailiwick_service: insert (tenant_id actor_user_id accessed_entity_type accessed_entity_id access_action purpose details actor_role impersonation_id request_id change_id)
audit.checkpoint bailiwick_sync: insert (lane size note)
audit.decision bailiwick_service: insert (decision_id decided_at api tenant_id caller_kind caller_id subject_user_id permission object answer listed source problem model_id sync_position latency_us request_id explanation)
audit.seal bailiwick_sync: insert (lane batch first_seq last_seq last_xid last_id prev head root frontier leaves first_at last_at)
identity.impersonation bailiwick_service: update (ended_at)
identity.mail_outbox bailiwick_operator: select (id tenant_id to_address template created_at expires_at not_before attempts leased_until last_error sent_at gave_up_at)
identity.mail_outbox bailiwick_service: insert (id tenant_id to_address template content expires_at)
identity.mail_outbox bailiwick_service: select (id tenant_id to_address template content created_at expires_at not_before attempts lease leased_until last_error sent_at gave_up_at)
identity.mail_outbox bailiwick_service: update (content not_before attempts lease leased_until last_error sent_at gave_up_at)
identity.mailer bailiwick_operator: select (host port security username from_address from_name updated_at updated_by)
identity.signing_key bailiwick_operator: select (kid algorithm public_jwk created_at signs_from)
security.access_review bailiwick_operator: insert (tenant_id name role_id unused_days)
security.access_review bailiwick_operator: update (status)
security.access_review bailiwick_service: insert (tenant_id name role_id unused_days)
security.access_review bailiwick_service: update (status)
security.credential bailiwick_operator: select (user_id one_time one_time_expires_at one_time_used_at changed_at)
security.delegation bailiwick_operator: insert (tenant_id delegator_user_id delegate_user_id role_id with_team reason valid_from expires_at)
security.delegation bailiwick_operator: update (status ended_by_user_id)
security.delegation bailiwick_service: insert (tenant_id delegator_user_id delegate_user_id role_id with_team reason valid_from expires_at)
security.delegation bailiwick_service: update (status ended_by_user_id)
security.elevation bailiwick_operator: insert (tenant_id user_id role_id reason ticket duration_minutes)
security.elevation bailiwick_operator: update (status decision_reason)
security.elevation bailiwick_service: insert (tenant_id user_id role_id reason ticket duration_minutes)
security.elevation bailiwick_service: update (status decision_reason)
security.emergency_access bailiwick_operator: insert (tenant_id user_id role_id reason ticket)
security.emergency_access bailiwick_operator: update (status verdict review_comment)
security.emergency_access bailiwick_service: insert (tenant_id user_id role_id reason ticket)
security.emergency_access bailiwick_service: update (status verdict review_comment)
security.review_item bailiwick_operator: update (decision comment)
security.review_item bailiwick_service: update (decision comment)

-- functions
audit.capture_access_policy() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 5e4e4fde86b3bf95ec318e4d4aed8c66
audit.capture_change() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner aef8e329f0cc017f4751fbe68ac675a2
audit.capture_credential() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 207bd96f24128d1968eefa923b542cb3
audit.capture_emergency_role() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner b0a9f28cab8fed2ddf2130323410fd3c
audit.capture_review_item() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner f0dc0b84908bd54728c14a4095fc0575
audit.capture_truncate() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 99d2fce8cd08e04474ff35c845718dbd
audit.ensure_access_log_partitions(months_ahead integer) volatile definer set search_path=pg_catalog, pg_temp lock_timeout=2s owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner,bailiwick_service=X/bailiwick_owner,bailiwick_sync=X/bailiwick_owner ba93919ab78925a4fe5b369400f21a50
audit.ensure_decision_partitions(days_ahead integer) volatile definer set search_path=pg_catalog, pg_temp lock_timeout=2s owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner,bailiwick_service=X/bailiwick_owner 28a7fc94f65fefa22c105af8fecffa96
audit.ensure_partition(parent text, suffix text, since timestamp with time zone, until timestamp with time zone) volatile set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner e5e134811e16b6c5f493725708750c58
audit.entries_query(table_name text) immutable owner=bailiwick_owner 40aa9571c5faf3d3ebaae622ae685a6b
audit.entry_text(e audit.access_log) stable owner=bailiwick_owner ea133d71299bc02b812532af1127c0d2
audit.entry_text(e audit.decision) stable owner=bailiwick_owner a717d91841091797cc54b57a4a44db15
audit.login() stable owner=bailiwick_owner 13caa9d2b6ea1cb5d5ad27fb1ac9a97d
audit.named_prunings(details jsonb) stable owner=bailiwick_owner 381cb8deb423c5404fc742e48df7cb4d
audit.note_account(user_id text, purpose text, event_type text) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner fb2121f2f05192e5d0a98b3b90188321
audit.note_export(tenant_id text) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_operator=X/bailiwick_owner,bailiwick_owner=X/bailiwick_owner 5b2870a8a01dc73b7bd123d3ee44cd0c
audit.note_grants() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 36e54cb299b1e15f8d171c884cd35eb8
audit.note_unlock(user_id text) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_operator=X/bailiwick_owner,bailiwick_owner=X/bailiwick_owner,bailiwick_service=X/bailiwick_owner 50987d3735cb8f9993e27712d57f3219
audit.prune_partition(lane text, partition text, seqs int8multirange) volatile definer set search_path=pg_catalog, pg_temp lock_timeout=2s DateStyle=ISO owner=bailiwick_owner acl=bailiwick_operator=X/bailiwick_owner,bailiwick_owner=X/bailiwick_owner 3167755b221f278b22f0a0f9854701f5
audit.refuse_change() volatile set search_path=pg_catalog, pg_temp owner=bailiwick_owner 0ae5914b4783b615a4af271b5b078820
audit.setting(name text) stable owner=bailiwick_owner 337730cd044b86acbb43600daeccdabd
audit.write_grants() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 6e4bc6483da73a59f356475425ec5b48
audit.write_request(tenant_id text, entity_type text, entity_id text, verb text, details jsonb) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner c0c807a444ffc9ec5b4dad61fecc6a06
identity.audit_platform_admin() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner 10f85774b803bc266d04dfafe1389965
identity.capture_event() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 732a1140e5b201ea5c09cecfe65f7cb0
identity.end_impersonations_of_actor() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner 7976609bbd30bd737ee25295b95c1ea4
identity.end_tenant(tenant_id text) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_operator=X/bailiwick_owner,bailiwick_owner=X/bailiwick_owner dcbd10b8899504c262b809d255c470b0
identity.fill_tenant_slug() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 6ae194ead01df89099a74d9b8ae6a080
identity.has_mailer() stable definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner,bailiwick_service=X/bailiwick_owner fd23401d1148e52d2bea74643bb61bf3
identity.keep_ended() volatile set search_path=pg_catalog, pg_temp owner=bailiwick_owner 7e423a35992e62c844b504fad9e5300b
identity.keep_last_platform_admin() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner f9c07d1a43e1bcef9803379f7dddb101
identity.lock_platform_admins() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner ef644ca63359abd7624886383ba0a3c8
security.access_policy_of(tenant_id text) stable definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_operator=X/bailiwick_owner,bailiwick_owner=X/bailiwick_owner,bailiwick_service=X/bailiwick_owner b64ca668f59bae2f15b4185039c1f6b6
security.actor() stable owner=bailiwick_owner dfab8d4c7beb17aacbce3f875b1e94e5
security.apply_presets(only_tenant_id text) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner,bailiwick_sync=X/bailiwick_owner 6e13ae5a6eb11f30e72fcb52397c9ed8
security.apply_presets_to_new() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 16861cc5652e43d2ce3cbf4f6d03421d
security.assign_for_a_time(holder text, role text, tenant text, starts timestamp with time zone, ends timestamp with time zone) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner ee2ad25caf341f22b75abba09d0bd628
security.assign_named_role(wanted user_roles) volatile set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_operator=X/bailiwick_owner,bailiwick_owner=X/bailiwick_owner 88511538b2aadda7250801c00a116927
security.broken_ways(table_name text) immutable owner=bailiwick_owner bf48f10da5eb0126ae2b2c5da9284165
security.cancel_elevations() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 285e20625d0c0bf288d536b0f9528e52
security.decide_review_item() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 4594fb0b5f2b65d201683dafe5d4e50e
security.delete_tenant() volatile set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 77c7862d43449e66102c4e8fe3f54a40
security.delete_user() volatile set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner fd0a647217cace230ec2649f3fb6bfca
security.describe_role() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 48f0a8652e204ce5f7fdbdddb8440773
security.email_key(email text) immutable owner=bailiwick_owner fff5504aa24c11da6a0f85de470a6c6c
security.end_delegations() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 1df75600dae45f1ac6bb648e4fea0f9a
security.end_elevations() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 61a6ee8382eeef54f2ba0f8799d33c0e
security.end_emergencies() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 66ffa1db01ed53d060614e551d2918be
security.fill_role_tenant() volatile definer set search_path=pg_catalog, pg_temp enable_seqscan=off owner=bailiwick_owner dc8b11d47dbf03ab909e2a8005537f1b
security.follow_delegation() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner c0ddd8402213b46fd0e9a78d1c4ed050
security.follow_elevation() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 363f58b53d45bd91bc4b96686102571d
security.follow_emergency() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner f39907105eb0268c3a1ef43bac85d763
security.follow_review() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 342ae5794cfb2736475f95740a0463c3
security.guard_assignment() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 64411862815da704d5114179320bb040
security.guard_credential() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner 9268a079a6e712cdc73efb440591e300
security.guard_emergency_role() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner f8e29d1972a6d8c0647357fd623cb12e
security.guard_grant() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 9d3116a7d288ea7452eb8f1684c1145e
security.guard_platform_seat() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 1b58f354f31bba910b8082b158828857
security.guard_platform_user() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner c2e51f7ce5d03e3da831b141e6af16c2
security.guard_team_change() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 4939d6dfab5a57ac5001650feab4b7b1
security.guard_team_structure() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 9b1ccd3b0dd0d487f396604e7ea764dd
security.hand_on_team(d security.delegation) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner aa7c457f336911565ee50baaeb134c2c
security.held_permissions(user_id text, tenant_id text) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner,bailiwick_service=X/bailiwick_owner d385de5cc05f908cfa56ae6f7ae31335
security.in_scope(tenant_id text) stable owner=bailiwick_owner a50b2248ef0af4d02badac0de96fbf49
security.is_migration() stable owner=bailiwick_owner df292966ea69903c9798796da95d76f4
security.is_platform_admin(user_id text) stable definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner,bailiwick_service=X/bailiwick_owner 988951ba407c2e60de3637157b2600d7
security.keep_emergency() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 94c47fa03201d5ed23c6247387aa9616
security.look_at_admins(tenant_ids text[]) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 1c53130adf5011006d7fa14ecfd628a3
security.may_take_until(holder text, role text) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner ac0797b68bf04e8bef51a4280862d890
security.moment() volatile owner=bailiwick_owner 942f666625def2490f59ebe63e4850ab
security.move_delegation() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner e17038164cb4ea6ce1f778bae928ffae
security.move_elevation() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 4083be3a37fc71c59756cba0915e80d2
security.move_emergency() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner eef167ef887d14e173f82b2a9a820016
security.move_review() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 0afdbfd23360d3f172675f73a9200139
security.normal_email(email text) immutable owner=bailiwick_owner 59fa825656dad96ece8fd3bdaca32f18
security.note_admins(tenant_ids text[]) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 83823ebab652355d4c3384778fdb2bc8
security.open_delegation() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner ba50c69e5aaa878eeb44e8d797f8cd3d
security.open_elevation() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 1bd10c09fbc9eeb87f542807c594bcbf
security.open_emergency() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner d9e4f145671e3670b9495e19a33111be
security.open_review() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner c2546d26223d733d62aafb614d3d103c
security.opened_by(role text) stable definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 600f5db3996efd15743b26ab4b55af28
security.people_below(tenant_id text, user_id text, at timestamp with time zone) stable set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_operator=X/bailiwick_owner,bailiwick_owner=X/bailiwick_owner,bailiwick_service=X/bailiwick_owner 2a47abeb601f14cae881596488bb49e8
security.place_user(user_id text, tenant_id text) volatile set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_operator=X/bailiwick_owner,bailiwick_owner=X/bailiwick_owner d1a72abe09b0d8e5cc327382912ddb55
security.protect_permission_set() volatile set search_path=pg_catalog, pg_temp owner=bailiwick_owner 765d98c698a6d8e36b250c008cd300c9
security.protect_role() volatile set search_path=pg_catalog, pg_temp owner=bailiwick_owner 8f5bbe02962fe6d593c7593ba30f7153
security.reaches_until(holder text, role text) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 19473652ea0a95fd2d2dda6eeccee3db
security.refuse(code text, sentence text, facts jsonb) volatile set search_path=pg_catalog, pg_temp owner=bailiwick_owner d2cba3ed72d5d3db14725bdae4e2163d
security.refuse_delegate() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner f78dece7aef2d2536bd6934eb4895c1d
security.refuse_holder(user_id text, role_id text) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner ce671698389484faf5b46ca875f58c64
security.remove_user(tenant_id text, user_id text) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_operator=X/bailiwick_owner,bailiwick_owner=X/bailiwick_owner,bailiwick_service=X/bailiwick_owner b19bbd2533f897e2bc221ae58765ef05
security.require_admin() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 7fa8330d64a6a87a45cc7f7e34d73f16
security.require_may_hand_out(actor text, tenant_id text, permissions text[], delegates text[], own_until timestamp with time zone, given_until timestamp with time zone) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 0b29f2cc26d4275f29c2ab5fd4f2084f
security.require_may_stand_in(user_id text) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner dcf4e9c53bba978098fcab2fbce52c92
security.require_member(user_id text, tenant_id text) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 35d9f0adb861f99bb6ecd8d390c6e22d
security.require_no_platform_seat(user_id text) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 9d3b28d649e538402b4b2e3327620dff
security.require_no_records() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 287e60223317c4c01d32274376152e7d
security.require_read_committed() volatile set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 1e329bc5ba884956c7f061982a1a20f2
security.rights_of(user_id text, tenant_id text) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 9c22f39d0a484d03f549d42e256ccef9
security.role_held_until(holder text, role text) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner d97f884c7fe66b80b9e75f0e46066303
security.set_slot() volatile definer set search_path=pg_catalog, pg_temp enable_seqscan=off owner=bailiwick_owner 1c28f8a8ff6d4d3cbc88cb23d0dcb3d1
security.set_xid() volatile set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner f270cd92f3e7277c6315b88953d70378
security.settle_delegations() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 7cefe9b338145cf02330a99f5100b2db
security.settle_delegations_of(holder text) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner f7b481786244bc11f6fbb90823876806
security.settle_delegations_of_role() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner b9126fbb91bb85ab433f53cb0376cd23
security.settle_team_delegations() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 65ef97023239bf28aad7b15188e7c964
security.take_back(assignment_id text, expires_at timestamp with time zone) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 824a758b28b5b02028d4d8329671a284
security.team_read_until(holder text, tenant text) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 0eced129309d3bc746f3afe09533c997
security.touch_roles() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 565bf9617a3a4cb14b24ca0d87249077
security.valid_id(id text) immutable owner=bailiwick_owner abaf06e906e2342da655585c589575fd
security.watch_admins() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 75b7f24082fad91d032ff5a91deed200
security.worth_of(role text, OUT permissions text[], OUT delegates text[]) stable definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner dfb7475c16427f06320471e1a77838fe
security.write_roles() volatile set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 68a0ee657cf7a39fed9c414f08766abf
security.write_user_assignments() volatile set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 3cf1d2e14f7164b32c7ab822bd897639
security.write_user_roles() volatile set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 956c5d7b8ac40b0966fabbe009bd91f8
security.writer_standing(actor_user_id text, tenant_id text, impersonation_id text) volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner,bailiwick_service=X/bailiwick_owner 24d88482e6000322b168e31015bf1a3f
sync.adopt() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_operator=X/bailiwick_owner,bailiwick_owner=X/bailiwick_owner 1d853b6086a14ba45a2d57b1333dc6bc
sync.capture() volatile definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 2c7802cc09c104f0a45ec97771e4485c
sync.count_captured(more bigint) volatile set search_path=pg_catalog, pg_temp owner=bailiwick_owner 9cb3458712a6591edb74a5348c219268
sync.is_applied(tenant_id text, "position" xid8) stable definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner b44ed6e0f68a068afebaf38709194751
sync.is_backlogged(tenant_id text) stable definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner,bailiwick_service=X/bailiwick_owner 5ce85df81b9fb01943cd034d23f73db5
sync.is_foreign() stable definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_operator=X/bailiwick_owner,bailiwick_owner=X/bailiwick_owner,bailiwick_sync=X/bailiwick_owner 0e51131fef54188914a49e3b1a8cc04b
sync.is_menaced(tenant_id text) stable definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner,bailiwick_service=X/bailiwick_owner e0a435af06cc90f9d5c3446d800f3619
sync.keys_query(table_name text) immutable owner=bailiwick_owner acl=bailiwick_owner=X/bailiwick_owner 9eb8d58bb9d58777787a167ad8b93f0d
sync.newest_xid() stable definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner acl=bailiwick_operator=X/bailiwick_owner,bailiwick_owner=X/bailiwick_owner,bailiwick_sync=X/bailiwick_owner 08d74d61bccd223fdbdfa7110ece5f11
sync.projected(table_name text, content jsonb) immutable owner=bailiwick_owner 685f4e544e61e8d5959fb766d700e3c4
sync.token(tenant_id text) stable definer set search_path=pg_catalog, pg_temp owner=bailiwick_owner ecfeca4281b90517cade10505bc558a4
sync.touch(tenant_id text, kind text, a text, b text, prior jsonb) volatile owner=bailiwick_owner acl=bailiwick_operator=X/bailiwick_owner,bailiwick_owner=X/bailiwick_owner,bailiwick_sync=X/bailiwick_owner f30e018eb4d1f1ac542f5b868f6786ff
