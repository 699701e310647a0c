-- What the next process needs to go on with the calls that are talking when this one is killed: answered legs, calls
-- between two, conferences. A row is gone when what it means is over, so that an orderly stop leaves none.
create table kept_calls (
  id   text primary key,
  kind text not null check (kind in ('leg', 'call', 'conference')),
  body jsonb not null
);
