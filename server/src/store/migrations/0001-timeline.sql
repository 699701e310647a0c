-- The timeline: every entry of every chain, append-only.
--
-- `body` is the entry's content as it was hashed; the other columns repeat what is searched by. Cut into pieces by the
-- moment of writing (recorded_at), not by the moment told of (at), so that late news from a device land in today's piece.
CREATE TABLE timeline_entry (
  chain        text        NOT NULL,
  seq          bigint      NOT NULL,
  recorded_at  timestamptz NOT NULL,
  at           timestamptz NOT NULL,
  kind         text        COLLATE "C" NOT NULL,
  incident     text,
  run          text,
  call         text,
  alarm        text,
  person       text,
  body         text        NOT NULL,
  digest       text        NOT NULL,
  previous     text        NOT NULL,
  hash         text        NOT NULL,
  PRIMARY KEY (chain, seq, recorded_at)
) PARTITION BY RANGE (recorded_at);

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
    -- A hypertable cuts itself; it starts from a plain table.
    DROP TABLE timeline_entry;
    CREATE TABLE timeline_entry (
      chain        text        NOT NULL,
      seq          bigint      NOT NULL,
      recorded_at  timestamptz NOT NULL,
      at           timestamptz NOT NULL,
      kind         text        COLLATE "C" NOT NULL,
      incident     text,
      run          text,
      call         text,
      alarm        text,
      person       text,
      body         text        NOT NULL,
      digest       text        NOT NULL,
      previous     text        NOT NULL,
      hash         text        NOT NULL,
      PRIMARY KEY (chain, seq, recorded_at)
    );
    PERFORM create_hypertable('timeline_entry', 'recorded_at', chunk_time_interval => interval '7 days',
      create_default_indexes => false);
  END IF;
END $$;

CREATE INDEX timeline_entry_at ON timeline_entry (chain, at);
CREATE INDEX timeline_entry_kind ON timeline_entry (chain, kind, seq);
CREATE INDEX timeline_entry_incident ON timeline_entry (incident, seq) WHERE incident IS NOT NULL;
CREATE INDEX timeline_entry_run ON timeline_entry (run, seq) WHERE run IS NOT NULL;
CREATE INDEX timeline_entry_call ON timeline_entry (call, seq) WHERE call IS NOT NULL;
CREATE INDEX timeline_entry_alarm ON timeline_entry (alarm, seq) WHERE alarm IS NOT NULL;
CREATE INDEX timeline_entry_person ON timeline_entry (person, seq) WHERE person IS NOT NULL;

-- Append-only: a slip of the hand at a database prompt is refused; who removes this guard on purpose is found by the chain.
CREATE FUNCTION timeline_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the timeline is append-only';
END $$;
CREATE TRIGGER timeline_entry_append_only BEFORE UPDATE OR DELETE ON timeline_entry
  FOR EACH ROW EXECUTE FUNCTION timeline_refuse_change();

-- The month's partition, made by the writer when it first needs it. Does nothing where a hypertable cuts itself.
CREATE FUNCTION timeline_ensure_partition(moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  first_day timestamptz := date_trunc('month', moment, 'UTC');
  name text := 'timeline_entry_' || to_char(first_day AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
  IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') OR to_regclass(name) IS NOT NULL THEN
    RETURN;
  END IF;
  EXECUTE format('CREATE TABLE %I PARTITION OF timeline_entry FOR VALUES FROM (%L) TO (%L)',
    name, first_day, (first_day AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC');
END $$;
