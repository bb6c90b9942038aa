-- depends:

-- Cases. Promoted columns are what queues are read by; everything else is in `state`.
create table complaint (
    complaint_id uuid primary key,
    state jsonb not null,
    version integer not null,
    updated_at timestamptz not null default now(),
    team text,
    open boolean not null,
    severity smallint not null, -- 0 low to 3 critical
    since timestamptz,
    waiting_since timestamptz -- set while nobody of its team has room; not a timer, it may wait for days
);

create index complaint_queue on complaint (team, severity desc, since, complaint_id) where open;
create index complaint_waiting on complaint (team, waiting_since) where waiting_since is not null;

-- Open cases per handler, kept by increments so that two batches never overwrite each other's count.
-- Who the handlers are, and their capacity, is the rulebook's business; a row appears with the first case.
create table handler (
    handler text primary key,
    open_cases integer not null
);
