-- What an `Idempotency-Key` stands for: a claim made before the operation, marked in the transaction of its effect, and
-- kept with its answer. So a key has one effect, also where the process dies between the commit and the answer.
set local role bailiwick_owner;

create table audit.idempotency_claim (
  id           text not null default gen_random_uuid()::text,
  tenant_id    text not null,
  caller_id    text not null,
  operation_id text not null,
  key          text not null,
  -- SHA-256 of the request's path and body
  fingerprint  bytea not null,
  claimed_at   timestamptz not null default now(),
  -- the effect is committed
  effected_at  timestamptz,
  -- null until the operation has ended
  status       int,
  -- null where it held a secret
  answer       jsonb,
  constraint pk_idempotency_claim primary key (id),
  constraint uq_idempotency_claim unique (tenant_id, caller_id, operation_id, key),
  constraint chk_idempotency_claim_key check (char_length(key) between 1 and 255)
);
create index ix_idempotency_claim_claimed on audit.idempotency_claim (claimed_at);

alter table audit.idempotency_claim enable row level security;
alter table audit.idempotency_claim force row level security;
create policy p_owner on audit.idempotency_claim to bailiwick_owner using (true) with check (true);
create policy p_service on audit.idempotency_claim to bailiwick_service using (security.in_scope(tenant_id));
grant select, insert, update, delete on audit.idempotency_claim to bailiwick_service;

reset role;
