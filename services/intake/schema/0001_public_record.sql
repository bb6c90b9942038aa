-- depends: 0001_kernel
-- Public records of complaints, their timelines, and the idempotency keys of new complaints.

create table complaint (
    complaint_id uuid primary key,
    state jsonb not null,
    version integer not null,
    updated_at timestamptz not null default now(),
    reference text unique, -- null while only events of other services have arrived
    status text not null
);

-- One row per entry. Sentences are formatted on reading; `words` is text that a person wrote.
create table timeline (
    complaint_id uuid not null,
    at timestamptz not null,
    id bigint generated always as identity,
    kind text not null,
    facts jsonb not null default '{}',
    words text,
    public boolean not null default true,
    primary key (complaint_id, at, id)
);

-- Response to each key of a client. `seal` is a salted keyed hash of the request, never a plain one.
create table idempotency (
    client text not null,
    key text not null,
    seal bytea not null,
    complaint_id uuid not null,
    answer text not null,
    recorded_at timestamptz not null default now(),
    primary key (client, key)
);
