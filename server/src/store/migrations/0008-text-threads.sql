-- A text whose receipt is lost; who wrote a text; and conversations by number, so that an answer reaches who asked.
ALTER TABLE text_out DROP CONSTRAINT text_out_state_check;
ALTER TABLE text_out ADD CONSTRAINT text_out_state_check
  CHECK (state IN ('queued', 'sent', 'delivered', 'receipt-lost', 'failed'));
-- The user who wrote it; absent: the system or a plan.
ALTER TABLE text_out ADD COLUMN actor text;
-- The number of the far end in the one form that both directions share.
ALTER TABLE text_out ADD COLUMN thread text;
ALTER TABLE text_in ADD COLUMN thread text;
CREATE INDEX text_out_by_thread ON text_out (thread, queued_at) WHERE thread IS NOT NULL;
CREATE INDEX text_in_by_thread ON text_in (thread, at) WHERE thread IS NOT NULL;

CREATE TABLE text_threads (
  thread text PRIMARY KEY,
  -- As the phone's network wrote it last.
  number text NOT NULL,
  person text,
  -- Whose question was answered, or who took it; absent: it waits for anybody.
  owner text,
  -- The last text of ours before the answer came.
  answers text,
  state text NOT NULL CHECK (state IN ('waiting', 'answered', 'closed')),
  at bigint NOT NULL
);
CREATE INDEX text_threads_open ON text_threads (at DESC) WHERE state <> 'closed';
