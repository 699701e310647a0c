-- Callers that are not wanted, beside those of the site's file. `number` is a pattern (docs/protocol/routing.md).
create table blacklist (
  id       text primary key,
  number   text not null,
  because  text not null default '',
  until    date,
  added_by text not null,
  added_at timestamptz not null
);
