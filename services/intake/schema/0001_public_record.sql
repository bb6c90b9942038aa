-- depends: 0001_kernel
-- Complaints as the outside knows them, their timelines, and the keys that make filing safe to repeat.

create table complaint (
    complaint_id uuid primary key,
    state jsonb not null,
    version integer not null,
    updated_at timestamptz not null default now(),
    reference text unique, -- absent while we only heard of it from others
    status text not null
);

-- One line a fact. Sentences are made when somebody reads; words that people wrote stand apart from the facts.
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

-- Which answer a client's key stands for. `seal` is a salted keyed hash of the request, never a plain one.
create table idempotency (
    client text not null,
    key text not null,
    seal bytea not null,
    complaint_id uuid not null,
    answer text not null,
    recorded_at timestamptz not null default now(),
    primary key (client, key)
);
