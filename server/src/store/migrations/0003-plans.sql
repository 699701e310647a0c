-- Plans as they were saved at the desk, and runs: what a plan did, step by step and person by person.
-- Times are milliseconds since 1970 by the server's clock.

-- The newest row of an id is the plan in force; older ones are its history. Plans that come as files have no row.
CREATE TABLE plan_document (
  id text NOT NULL,
  saved_at bigint NOT NULL,
  version text NOT NULL,
  saved_by text NOT NULL,
  sha256 text NOT NULL,
  document text NOT NULL,
  PRIMARY KEY (id, saved_at)
);

CREATE TABLE run (
  id text PRIMARY KEY,
  plan text NOT NULL,
  -- The plan as it was when it was pressed: a run is finished by the document it was started with.
  document jsonb NOT NULL,
  parameters jsonb NOT NULL,
  is_drill boolean NOT NULL,
  state text NOT NULL CHECK (state IN ('running', 'done', 'failed', 'stopped')),
  because text,
  started_by text NOT NULL,
  started_at bigint NOT NULL,
  ended_at bigint,
  incident text,
  -- The alarm as it was when it started the run.
  alarm jsonb,
  conference text,
  figures jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX run_by_start ON run (started_at DESC);
CREATE INDEX run_running ON run (id) WHERE state = 'running';

CREATE TABLE run_step (
  run text NOT NULL REFERENCES run (id),
  id text NOT NULL,
  place integer NOT NULL,
  state text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'skipped')),
  started_at bigint,
  ended_at bigint,
  because text,
  summary jsonb,
  choice text,
  PRIMARY KEY (run, id)
);

-- One row for each person (or zone, or channel) and way of reaching; a deputy has his own row for whom he stands in for.
CREATE TABLE ledger (
  run text NOT NULL REFERENCES run (id),
  person text NOT NULL,
  channel text NOT NULL CHECK (channel IN ('voice', 'sms', 'pa', 'radio', 'video')),
  stands_in_for text NOT NULL DEFAULT '',
  id text NOT NULL,
  step text NOT NULL,
  -- Order of appearance, so that a list looks the same before and after a restart.
  place integer NOT NULL,
  state text NOT NULL,
  at bigint NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  detail text,
  history jsonb NOT NULL,
  PRIMARY KEY (run, person, channel, stands_in_for)
);
