-- depends:

-- Cases. The promoted columns serve the queries of queues; everything else is in `state`.
create table complaint (
    complaint_id uuid primary key,
    state jsonb not null,
    version integer not null,
    updated_at timestamptz not null default now(),
    team text,
    open boolean not null,
    severity smallint not null, -- 0 low to 3 critical
    since timestamptz,
    waiting_since timestamptz -- set while the case waits for a handler below capacity; not a timer
);

create index complaint_queue on complaint (team, severity desc, since, complaint_id) where open;
create index complaint_waiting on complaint (team, waiting_since) where waiting_since is not null;

-- Open cases per handler, changed by increments, so that two batches never overwrite each other's count.
-- Handlers and their capacity are in the rulebook; a row is inserted with the first case of a handler.
create table handler (
    handler text primary key,
    open_cases integer not null
);
