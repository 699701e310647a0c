-- Trunks and lines that are out of service by somebody's word; line '' is the whole trunk.
create table trunk_out_of_service (
  trunk   text not null,
  line    text not null default '',
  by_user text not null,
  because text not null,
  since   timestamptz not null,
  primary key (trunk, line)
);
