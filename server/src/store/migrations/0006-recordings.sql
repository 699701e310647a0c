-- Recordings of calls, conferences and channels. A row stands before the first sample is written; a row that is not
-- closed after a start belongs to a process that was killed, and its file is mended.
create table recordings (
  id          text primary key,
  file        text not null,
  started_at  timestamptz not null,
  closed_at   timestamptz,
  duration_ms integer,
  sha256      text,
  because     text,
  facts       jsonb not null
);
create index recordings_open on recordings (started_at) where closed_at is null;
create index recordings_sha256 on recordings (sha256);
