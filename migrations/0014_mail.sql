-- Mail: how it is sent (mailer) and what is still to be sent (mail_outbox).
--
-- Secret   A mail may carry a one-time password, and the mailer's own password must be had back to be used. Both are
--          sealed by the service (AES-256-GCM, src/platform/seal.ts) under a key that this database never sees, so that
--          neither a dump nor an operator's psql gives them away. A mail's content goes when the mail does.
-- Writer   `enqueueMail` (src/mail/enqueue.ts), in the transaction of the change that the mail tells about.
-- Reader   The sender (src/mail/sender.ts). It leases a row, sends, and settles exactly the lease that it took.
-- Crash    A lease that nobody settles runs out, and the mail is sent again: twice at worst, under one Message-ID.
set local role bailiwick_owner;

create table identity.mailer (
  only_row     boolean not null default true,
  host         text not null,
  port         int not null,
  security     text not null,
  username     text,
  password     bytea,
  from_address text not null,
  from_name    text not null default '',
  updated_at   timestamptz not null default now(),
  updated_by   text not null,
  constraint pk_mailer primary key (only_row),
  constraint chk_mailer_only_row check (only_row),
  constraint chk_mailer_host check (host ~ '^[A-Za-z0-9]([A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?$'),
  constraint chk_mailer_port check (port between 1 and 65535),
  constraint chk_mailer_security check (security in ('none', 'starttls', 'tls')),
  constraint chk_mailer_username check (char_length(username) between 1 and 254 and username !~ '[[:cntrl:]]'),
  constraint chk_mailer_password check (password is null or username is not null),
  constraint chk_mailer_from_address check (from_address ~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$'
    and char_length(from_address) <= 254),
  constraint chk_mailer_from_name check (char_length(from_name) <= 200 and from_name !~ '[[:cntrl:]]')
);

-- Outlives what it speaks of: no foreign keys.
create table identity.mail_outbox (
  id           uuid not null,
  -- null: a mail to a platform user
  tenant_id    text,
  to_address   text not null,
  template     text not null,
  -- what the template is filled with, sealed; null once the mail is sent or given up
  content      bytea,
  created_at   timestamptz not null default now(),
  -- not worth sending after that: what it carries is no longer valid
  expires_at   timestamptz not null default now() + interval '24 hours',
  not_before   timestamptz not null default now(),
  attempts     int not null default 0,
  lease        uuid,
  leased_until timestamptz,
  last_error   text,
  sent_at      timestamptz,
  gave_up_at   timestamptz,
  constraint pk_mail_outbox primary key (id),
  constraint chk_mail_outbox_to_address check (to_address ~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$'
    and char_length(to_address) <= 254),
  constraint chk_mail_outbox_template check (template in ('one-time-password', 'password-reset', 'account-locked')),
  constraint chk_mail_outbox_end check (sent_at is null or gave_up_at is null),
  constraint chk_mail_outbox_content check ((content is null) = (sent_at is not null or gave_up_at is not null)),
  constraint chk_mail_outbox_expiry check (expires_at <= created_at + interval '24 hours'),
  constraint chk_mail_outbox_lease check ((lease is null) = (leased_until is null)),
  constraint chk_mail_outbox_last_error check (char_length(last_error) <= 500)
);
create index ix_mail_outbox_due on identity.mail_outbox (not_before) where content is not null;
create index ix_mail_outbox_created on identity.mail_outbox (created_at);

-- The one thing that a transaction of a tenant may know of the mailer: whether there is one.
create function identity.has_mailer() returns boolean
  language sql stable security definer set search_path = pg_catalog, pg_temp
  as $$ select exists (select from identity.mailer) $$;
revoke execute on function identity.has_mailer from public;
grant execute on function identity.has_mailer to bailiwick_service;

do $$
declare
  name text;
begin
  foreach name in array array['identity.mailer', 'identity.mail_outbox'] loop
    execute format('alter table %s enable row level security', name);
    execute format('alter table %s force row level security', name);
    execute format('create policy p_owner on %s to bailiwick_owner using (true) with check (true)', name);
    execute format('create policy p_operator on %s for select to bailiwick_operator using (true)', name);
    -- the platform's alone, whatever tenant a mail was caused by
    execute format('create policy p_service on %s to bailiwick_service using (security.in_scope(null))', name);
  end loop;
end $$;
create policy p_service_enqueue on identity.mail_outbox for insert to bailiwick_service
  with check (security.in_scope(tenant_id));

-- Column by column: an operator sees everything but what is sealed, and a mail that is queued is not rewritten.
grant select, insert, update on identity.mailer to bailiwick_service;
grant select (id, tenant_id, to_address, template, content, created_at, expires_at, not_before, attempts, lease,
              leased_until, last_error, sent_at, gave_up_at),
      insert (id, tenant_id, to_address, template, content, expires_at),
      update (content, not_before, attempts, lease, leased_until, last_error, sent_at, gave_up_at),
      delete
  on identity.mail_outbox to bailiwick_service;
grant select (host, port, security, username, from_address, from_name, updated_at, updated_by)
  on identity.mailer to bailiwick_operator;
grant select (id, tenant_id, to_address, template, created_at, expires_at, not_before, attempts, leased_until,
              last_error, sent_at, gave_up_at)
  on identity.mail_outbox to bailiwick_operator;

reset role;
