-- When a store was last seen to hold, under a model, what the rows say. Null: whoever starts compares it before answering,
-- whichever process wrote the model, and however often one is killed on the way.
set local role bailiwick_owner;

alter table sync.model add column filled_at timestamptz;

reset role;
