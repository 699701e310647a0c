-- Orders that walk the degradation ladder, and how far each of their people has been reached.
-- Times are milliseconds since 1970 by the server's clock.

CREATE TABLE orders (
  -- The number behind the four letters; free for another order when this one is no longer remembered.
  number integer NOT NULL,
  at bigint NOT NULL,
  sent_by text NOT NULL,
  -- Level, action, place and words.
  body jsonb NOT NULL,
  PRIMARY KEY (number, at)
);
CREATE INDEX orders_by_time ON orders (at DESC);

CREATE TABLE order_rows (
  number integer NOT NULL,
  at bigint NOT NULL,
  -- Which of the order's people.
  place integer NOT NULL,
  -- The state with its whole history: written before a rung is tried, and when it has ended.
  row jsonb NOT NULL,
  -- The events that have been taken as answers, so that a second copy changes nothing.
  taken jsonb NOT NULL,
  PRIMARY KEY (number, at, place),
  FOREIGN KEY (number, at) REFERENCES orders (number, at)
);
