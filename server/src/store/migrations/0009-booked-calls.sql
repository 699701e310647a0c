-- Calls that are to be placed at a time: `placed_at` is said before they are dialled, `outcome` after.
create table booked_calls (
  id        text primary key,
  caller    text not null,
  callee    text not null,
  at        timestamptz not null,
  booked_by text not null,
  placed_at timestamptz,
  outcome   text
);
create index booked_calls_waiting on booked_calls (at) where placed_at is null and outcome is null;
