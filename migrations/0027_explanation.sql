-- Why an answer was given, where whoever asked wanted to know: kept with the decision, and sealed with it.
--
-- A row without one has the text that it always had.
set local role bailiwick_owner;

alter table audit.decision add column explanation jsonb;
grant insert (explanation) on audit.decision to bailiwick_service;

create or replace function audit.entry_text(e audit.decision) returns text
  language sql stable parallel safe
  return '{"v":1,"id":"' || (e).decision_id || '","xid":' || (e).xid::text
      || ',"at":' || to_json(timezone('UTC', (e).decided_at))
      || ',"api":' || to_json((e).api)
      || ',"tenant":' || to_json((e).tenant_id)
      || ',"callerKind":' || to_json((e).caller_kind)
      || ',"caller":' || to_json((e).caller_id)
      || ',"subject":' || to_json((e).subject_user_id)
      || ',"permission":' || to_json((e).permission)
      || ',"object":' || to_json((e).object)
      || ',"answer":' || to_json((e).answer)
      || coalesce(',"listed":' || (e).listed, '')
      || ',"source":' || to_json((e).source)
      || coalesce(',"problem":' || to_json((e).problem), '')
      || coalesce(',"model":' || to_json((e).model_id), '')
      || coalesce(',"syncPosition":' || (e).sync_position, '')
      || ',"latencyUs":' || (e).latency_us
      || ',"request":' || to_json((e).request_id)
      || coalesce(',"explanation":' || (e).explanation::text, '')
      || '}';

reset role;
