-- depends: 0002_rulebook
-- Columns for queries over all complaints: promises at risk, time that similar complaints took, dates never told.

alter table complaint
    add column policy text, -- of the terms it is under: only complaints on one policy, and so one calendar, compare
    add column untold_since timestamptz; -- when the oldest open promise was made that the customer has not been told
drop index complaint_spent;
create index complaint_spent on complaint (policy, category, spent_seconds) where spent_seconds is not null;
create index complaint_untold on complaint (untold_since) where untold_since is not null;
create index complaint_team_tightest on complaint (team, tightest_at) where tightest_at is not null;
create index complaint_team_promised on complaint (team, promised_at) where promised_at is not null;

-- One row: last heartbeat of any sla process, and when it expires.
create table heartbeat (
    one boolean primary key default true check (one),
    at timestamptz not null,
    expires_at timestamptz not null
);

alter table outage
    add column seen_at timestamptz not null default now(); -- when it was last detected; it ends at this time if not renewed
create index outage_since on outage (since);
