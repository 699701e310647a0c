-- When video last began to come by a link: one in use outlives its expiry.
alter table feeds add column live_at timestamptz;
