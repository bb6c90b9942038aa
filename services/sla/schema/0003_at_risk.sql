-- depends: 0002_rulebook
-- What is asked for over all complaints about dates: who is at risk, what similar complaints took, what was never told.

alter table complaint
    add column policy text, -- of the terms it is under: only complaints on one policy, and so one calendar, compare
    add column untold_since timestamptz; -- when a promise was made that nobody was told yet, while it is open
drop index complaint_spent;
create index complaint_spent on complaint (policy, category, spent_seconds) where spent_seconds is not null;
create index complaint_untold on complaint (untold_since) where untold_since is not null;
create index complaint_team_tightest on complaint (team, tightest_at) where tightest_at is not null;
create index complaint_team_promised on complaint (team, promised_at) where promised_at is not null;

-- One row: when a process of sla last lived, and until when it is believed to live on.
create table heartbeat (
    one boolean primary key default true check (one),
    at timestamptz not null,
    expires_at timestamptz not null
);

alter table outage
    add column seen_at timestamptz not null default now(); -- when somebody last saw it; it ends where nobody does
create index outage_since on outage (since);
