-- What the directory keeps beside the site's files: secrets that are set at run time, sessions, and where phones are.

CREATE TABLE directory_password (
  user_id     text        PRIMARY KEY,
  -- argon2id in its encoded form
  hash        text        NOT NULL,
  changed_at  timestamptz NOT NULL
);

CREATE TABLE directory_session (
  -- SHA-256 of the token; the token itself is nowhere but with its owner
  token_hash      bytea       PRIMARY KEY,
  id              text        NOT NULL UNIQUE,
  user_id         text        NOT NULL,
  remote_address  text        NOT NULL,
  opened_at       timestamptz NOT NULL,
  used_at         timestamptz NOT NULL,
  expires_at      timestamptz NOT NULL
);
CREATE INDEX directory_session_user ON directory_session (user_id);
CREATE INDEX directory_session_expires ON directory_session (expires_at);

CREATE TABLE directory_account_secret (
  account       text  PRIMARY KEY,
  realm         text  NOT NULL,
  -- H(user:realm:password) in hex (RFC 7616 §3.4.2)
  ha1_md5       text  NOT NULL,
  ha1_sha256    text  NOT NULL
);

CREATE TABLE registrar_binding (
  account     text        NOT NULL,
  -- what tells one binding of an account from another (RFC 3261 §10.3; RFC 5626 §6)
  key         text        NOT NULL,
  body        jsonb       NOT NULL,
  expires_at  timestamptz NOT NULL,
  PRIMARY KEY (account, key)
);
