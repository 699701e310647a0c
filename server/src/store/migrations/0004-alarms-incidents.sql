-- Alarms, the signals they were made of, gauges' last readings, and incidents.
-- Times are milliseconds since 1970 by the server's clock, but where a device's own time is said.

CREATE TABLE alarm (
  id text PRIMARY KEY,
  -- What makes two signals the same alarm while it stands: device and kind, or gauge and what is wrong with it.
  sameness text NOT NULL,
  state text NOT NULL CHECK (state IN ('raised', 'acknowledged', 'cleared', 'shelved')),
  raised_at bigint NOT NULL,
  last_signal_at bigint NOT NULL,
  cleared_at bigint,
  -- The alarm as the console shows it.
  view jsonb NOT NULL
);
CREATE INDEX alarm_open ON alarm (raised_at) WHERE state <> 'cleared';
CREATE INDEX alarm_by_time ON alarm (raised_at DESC);

-- Every signal that came, also those that were joined to an alarm or shown in a group card in a flood.
CREATE TABLE alarm_signal (
  id text PRIMARY KEY,
  alarm text NOT NULL,
  arrived_at bigint NOT NULL,
  source text NOT NULL,
  body jsonb NOT NULL
);
CREATE INDEX alarm_signal_by_alarm ON alarm_signal (alarm, arrived_at);
CREATE INDEX alarm_signal_by_time ON alarm_signal (arrived_at);

-- Last news of a device or gauge, so that a restart knows who was silent and what the water did.
CREATE TABLE watched_source (
  id text PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('device', 'gauge')),
  heard_at bigint,
  state jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE gauge_reading (
  gauge text NOT NULL,
  at bigint NOT NULL,
  value double precision NOT NULL,
  PRIMARY KEY (gauge, at)
);

CREATE TABLE incident (
  id text PRIMARY KEY,
  number text NOT NULL,
  -- The day and its count, of which the number is made.
  day text NOT NULL,
  sequence integer NOT NULL,
  title jsonb NOT NULL,
  level integer NOT NULL CHECK (level BETWEEN 1 AND 4),
  state text NOT NULL CHECK (state IN ('open', 'closed')),
  is_drill boolean NOT NULL,
  opened_at bigint NOT NULL,
  opened_by text NOT NULL,
  closed_at bigint,
  closed_by text,
  note text,
  owner text,
  UNIQUE (day, sequence)
);
CREATE INDEX incident_open ON incident (opened_at) WHERE state = 'open';

CREATE TABLE incident_part (
  incident text NOT NULL REFERENCES incident (id),
  kind text NOT NULL CHECK (kind IN ('alarm', 'run')),
  part text NOT NULL,
  joined_at bigint NOT NULL,
  PRIMARY KEY (incident, kind, part)
);
