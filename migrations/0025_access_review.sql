-- Access reviews: who has which role as a campaign begins, looked at one by one by somebody else, and kept or revoked.
--
-- Snapshot  The assignments that stand at the start, copied: what is assigned later is another campaign's. Global ones are
--           the platform's and not among them.
-- Decision  To revoke is to revoke: the assignment goes in the transaction of the decision, past the same guards as ever,
--           so that the last administrator stays and the item is still undecided.
-- Nobody    decides about their own assignment, whoever writes: `chk_review_item_decider`.
set local role bailiwick_owner;

create table security.access_review (
  id                 text not null default gen_random_uuid()::text,
  tenant_id          text not null,
  name               text not null,
  -- null: all roles
  role_id            text,
  -- what has not been used for so long is pointed out
  unused_days        int not null default 90,
  status             text not null default 'open',
  started_at         timestamptz not null default now(),
  started_by_user_id text,
  closed_at          timestamptz,
  closed_by_user_id  text,
  constraint pk_access_review primary key (id),
  constraint uq_access_review_tenant unique (id, tenant_id),
  constraint fk_access_review_tenant foreign key (tenant_id) references identity.tenant (id) on delete cascade,
  constraint chk_access_review_name check (char_length(name) between 1 and 200),
  constraint chk_access_review_unused check (unused_days between 1 and 365),
  constraint chk_access_review_status check (status in ('open', 'closed'))
);
create index ix_access_review_tenant on security.access_review (tenant_id, started_at desc, id desc);

-- Evidence: it outlives the role, the assignment and the user that it speaks of, by their ids.
create table security.review_item (
  id                 bigint generated always as identity,
  review_id          text not null,
  tenant_id          text not null,
  assignment_id      text not null,
  user_id            text not null,
  role_id            text not null,
  role_name          text not null,
  valid_from         timestamptz,
  expires_at         timestamptz,
  assigned_at        timestamptz not null,
  decision           text,
  -- of a revocation: whether it found something to revoke
  was_standing       boolean,
  decided_at         timestamptz,
  decided_by_user_id text,
  comment            text,
  constraint pk_review_item primary key (id),
  constraint fk_review_item_review foreign key (review_id, tenant_id)
    references security.access_review (id, tenant_id) on delete cascade,
  constraint chk_review_item_decision check (decision in ('keep', 'revoke')),
  constraint chk_review_item_decided check ((decision is null) = (decided_at is null)
    and (decision is null) = (decided_by_user_id is null)),
  constraint chk_review_item_decider check (decided_by_user_id <> user_id),
  constraint chk_review_item_comment check (char_length(comment) between 1 and 500)
);
create index ix_review_item_review on security.review_item (review_id, id);
create index ix_review_item_undecided on security.review_item (review_id, id) where decision is null;
create index ix_review_item_user on security.review_item (user_id);

create function security.open_review() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  new.status := 'open';
  new.started_at := security.moment();
  new.started_by_user_id := security.actor();
  return new;
end $$;
create trigger trg_review_opened before insert on security.access_review
  for each row execute function security.open_review();

create function security.move_review() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  may_change constant text[] := array['status', 'closed_at', 'closed_by_user_id'];
begin
  if to_jsonb(new) - may_change is distinct from to_jsonb(old) - may_change then
    raise exception 'what a review is about is not changed' using errcode = 'check_violation';
  elsif old.status = 'closed' then
    perform security.refuse('REQUEST_CLOSED', 'the review is closed');
  end if;
  new.closed_at := security.moment();
  new.closed_by_user_id := security.actor();
  return new;
end $$;
create trigger trg_review_moved before update on security.access_review
  for each row execute function security.move_review();

create function security.follow_review() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    insert into security.review_item (review_id, tenant_id, assignment_id, user_id, role_id, role_name, valid_from,
                                      expires_at, assigned_at)
      select new.id, new.tenant_id, ur.id, ur.user_id, ur.role_id, r.name, ur.valid_from, ur.expires_at, ur.assigned_at
      from security.user_role ur join security.role r on r.id = ur.role_id
      where ur.tenant_id = new.tenant_id and (new.role_id is null or ur.role_id = new.role_id) and ur.revoked_at is null
        and (ur.expires_at is null or ur.expires_at > clock_timestamp())
      order by ur.user_id, r.name, ur.id;
  end if;
  perform audit.write_request(new.tenant_id, 'review', new.id, case tg_op when 'INSERT' then 'create' else 'close' end,
    (select jsonb_build_object('name', new.name, 'roleId', new.role_id, 'items', count(*),
       'undecided', count(*) filter (where i.decision is null), 'kept', count(*) filter (where i.decision = 'keep'),
       'revoked', count(*) filter (where i.decision = 'revoke'))
     from security.review_item i where i.review_id = new.id));
  return null;
end $$;
create trigger trg_review_followed after insert or update on security.access_review
  for each row execute function security.follow_review();

create function security.decide_review_item() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := security.actor();
  may_change constant text[] := array['decision', 'was_standing', 'decided_at', 'decided_by_user_id', 'comment'];
begin
  if to_jsonb(new) - may_change is distinct from to_jsonb(old) - may_change or new.decision is null then
    raise exception 'what a review is about is not changed' using errcode = 'check_violation';
  end if;
  -- held, so that nobody closes it meanwhile
  perform from security.access_review r where r.id = old.review_id and r.status = 'open' for share;
  if not found then
    perform security.refuse('REQUEST_CLOSED', 'the review is closed');
  elsif old.decision = 'revoke' then
    perform security.refuse('REQUEST_CLOSED', 'what is revoked can be assigned again, and not kept');
  elsif actor is null then
    perform security.refuse('FORBIDDEN', 'a decision names who makes it');
  elsif actor = old.user_id then
    perform security.refuse('SELF_APPROVAL', 'nobody reviews their own roles');
  end if;
  new.decided_by_user_id := actor;
  new.decided_at := security.moment();
  new.was_standing := null;
  if new.decision = 'revoke' then
    update security.user_role ur set revoked_at = clock_timestamp()
      where ur.id = old.assignment_id and ur.user_id = old.user_id and ur.role_id = old.role_id and ur.revoked_at is null;
    new.was_standing := found;
  end if;
  return new;
end $$;
create trigger trg_review_item_decided before update on security.review_item
  for each row execute function security.decide_review_item();

create function audit.capture_review_item() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  actor constant text := audit.setting('actor_user_id');
begin
  -- an entry, and no line in the tenant's history: there may be thousands
  insert into audit.access_log (tenant_id, actor_user_id, actor_role, impersonation_id, request_id, change_id,
                                accessed_entity_type, accessed_entity_id, access_action, purpose, details)
    values (new.tenant_id, actor, case when actor is null then session_user end, audit.setting('impersonation_id'),
            audit.setting('request_id'), audit.setting('change_id'), 'review', new.review_id, 'WRITE', 'review.decide',
            jsonb_strip_nulls(jsonb_build_object('itemId', new.id::text, 'userId', new.user_id, 'roleId', new.role_id,
              'roleName', new.role_name, 'assignmentId', new.assignment_id, 'decision', new.decision,
              'wasStanding', new.was_standing, 'reason', new.comment)));
  return null;
end $$;
create trigger trg_audit after update on security.review_item
  for each row execute function audit.capture_review_item();

do $$
declare
  name text;
begin
  foreach name in array array['security.access_review', 'security.review_item'] loop
    execute format('alter table %s enable row level security', name);
    execute format('alter table %s force row level security', name);
    execute format('create policy p_owner on %s to bailiwick_owner using (true) with check (true)', name);
    execute format('create policy p_operator on %s to bailiwick_operator using (true) with check (true)', name);
    execute format('create policy p_service on %s to bailiwick_service using (security.in_scope(tenant_id))', name);
  end loop;
end $$;
grant select, insert (tenant_id, name, role_id, unused_days), update (status) on security.access_review
  to bailiwick_service, bailiwick_operator;
grant select, update (decision, comment) on security.review_item to bailiwick_service, bailiwick_operator;
revoke execute on function security.open_review, security.move_review, security.follow_review, security.decide_review_item,
  audit.capture_review_item from public;

reset role;
