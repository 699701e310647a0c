-- What every account wants done with its calls: forwarding, do not disturb, follow-me, short codes.
CREATE TABLE directory_call_settings (
  account  text PRIMARY KEY,
  settings jsonb NOT NULL
);
