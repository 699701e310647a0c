-- Links by which phones send video: kept so that a link in somebody's pocket works after a restart of the server.
create table feeds (
  id         text primary key,
  token      text not null unique,
  person     text not null,
  run        text,
  incident   text,
  asker      text not null,
  is_drill   boolean not null,
  expires_at timestamptz not null,
  ended_at   timestamptz
);
create index feeds_open on feeds (expires_at) where ended_at is null;
