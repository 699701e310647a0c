-- Alarm sources that are silenced for a time (ISA-18.2: shelved), and the warnings that incidents have published.
-- Times are milliseconds since 1970 by the server's clock.

CREATE TABLE alarm_shelf (
  -- A device, a gauge, or what makes an alarm of the system the same alarm.
  source text PRIMARY KEY,
  body jsonb NOT NULL
);

CREATE TABLE warning (
  -- The identifier of the CAP message.
  id text PRIMARY KEY,
  incident text NOT NULL REFERENCES incident (id),
  message_type text NOT NULL CHECK (message_type IN ('alert', 'update', 'cancel')),
  sent_at bigint NOT NULL,
  -- The command as gateways get it.
  body jsonb NOT NULL,
  -- When a gateway said that it is published; null: told again when one comes online.
  published_at bigint,
  refused text
);
CREATE INDEX warning_of_incident ON warning (incident, sent_at);
