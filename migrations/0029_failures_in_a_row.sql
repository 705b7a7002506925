-- A hundred wrong passwords one after the other, however long the pauses that the locks make, and the account stays
-- locked until an administrator unlocks it or gives a new password (NIST SP 800-63B-4, throttling).
set local role bailiwick_owner;

alter table security.sign_in_failure add column in_a_row int not null default 0,
  add constraint chk_sign_in_failure_in_a_row check (in_a_row >= 0);

reset role;
