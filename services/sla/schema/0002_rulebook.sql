-- depends: 0001_complaint
-- Everything that was ever published, drafts on their way there, and what of ours was down when.

create table rulebook (
    revision integer primary key check (revision >= 1), -- without gaps: the next one is made from the last
    document text not null, -- the whole rulebook as canonical JSON; text, because jsonb would rewrite it
    mode text not null check (mode in ('new_only', 'rebase_open', 'rebase_remaining')),
    reason text not null,
    actor text not null,
    published_at timestamptz not null default now()
);

create table draft (
    draft_id uuid primary key,
    version integer not null default 1, -- for If-Match
    document text not null,
    actor text not null,
    changed_at timestamptz not null default now(),
    dry_run jsonb, -- the last one, with the revision, version and mode that it was made for
    back_test jsonb
);

create table outage (
    outage_id bigint generated always as identity primary key,
    cause text not null check (cause in ('downtime', 'provider', 'lag')),
    since timestamptz not null,
    until timestamptz -- null: it lasts
);
create unique index outage_open on outage (cause) where until is null;
create index outage_recent on outage (until desc nulls first);

-- Promoted from the state: what is asked for over all complaints.
alter table complaint
    add column is_open boolean not null default false, -- a clock or the case itself still waits for something
    add column revision integer, -- of the rulebook that it is under
    add column team text,
    add column category text,
    add column tightest_at timestamptz, -- due time of the open clock that is due first
    add column promised_at timestamptz, -- the earliest date that the customer was told and that waits to be kept
    add column received_at timestamptz,
    add column spent_seconds bigint; -- opening time from receipt to the first answer, once there is one
create index complaint_behind on complaint (revision, complaint_id) where is_open; -- to rehearse and to move them
create index complaint_tightest on complaint (tightest_at) where tightest_at is not null;
create index complaint_promised on complaint (promised_at) where promised_at is not null;
create index complaint_spent on complaint (category, spent_seconds) where spent_seconds is not null;
create index complaint_received on complaint (received_at);
