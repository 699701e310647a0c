-- Morning checks: what was tried, and how it stood. Times are milliseconds since 1970 by the server's clock.
CREATE TABLE checks (
  id text PRIMARY KEY,
  started_at bigint NOT NULL,
  ended_at bigint NOT NULL,
  -- A user's id, or `schedule`.
  started_by text NOT NULL,
  items jsonb NOT NULL
);
CREATE INDEX checks_by_time ON checks (started_at DESC);
