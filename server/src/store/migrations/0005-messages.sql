-- Short messages: out, with their way to the receipt, and in. Times are milliseconds since 1970 by the server's clock.

CREATE TABLE text_out (
  id text PRIMARY KEY,
  -- Order of queueing: texts go out in it.
  place bigserial NOT NULL,
  person text,
  number text NOT NULL,
  body text NOT NULL,
  parts integer NOT NULL,
  run text,
  incident text,
  is_drill boolean NOT NULL,
  state text NOT NULL CHECK (state IN ('queued', 'sent', 'delivered', 'failed')),
  at bigint NOT NULL,
  queued_at bigint NOT NULL,
  -- Handed to a gateway, which answers with sent or failed.
  handed_at bigint,
  attempts integer NOT NULL DEFAULT 0,
  provider_message_id text,
  detail text
);
CREATE INDEX text_out_open ON text_out (place) WHERE state = 'queued';
CREATE INDEX text_out_by_run ON text_out (run) WHERE run IS NOT NULL;

CREATE TABLE text_in (
  -- The gateway's event id: a second copy after store and forward is the same text.
  id text PRIMARY KEY,
  at bigint NOT NULL,
  from_number text NOT NULL,
  to_number text NOT NULL,
  person text,
  body text NOT NULL
);
CREATE INDEX text_in_by_time ON text_in (at DESC);
