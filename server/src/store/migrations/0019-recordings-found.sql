-- Who was recorded, so that recordings can be searched for; where one was paused; what became of its file.
alter table recordings
  add column caller          text,
  add column called          text,
  add column direction       text,
  add column accounts        text[] not null default '{}',
  add column gaps            jsonb not null default '[]',
  add column voiced          jsonb,
  -- The WAV that it was sealed as has sha256; with these its file is the Opus that was made of it.
  add column packed_sha256   text,
  add column packed_at       timestamptz,
  add column deleted_at      timestamptz,
  add column deleted_by      text,
  add column deleted_because text;
create index recordings_started on recordings (started_at);
create index recordings_packed_sha256 on recordings (packed_sha256) where packed_sha256 is not null;
