-- depends: 0001_notices
-- One row per message, kept for ever (`intent_key`), and one per attempt, inserted before the provider is called.

create table message (
    message_id uuid primary key,
    position bigint generated always as identity, -- order in which the messages of a complaint were decided
    complaint_id uuid not null,
    intent_key text not null unique, -- complaint:kind:cause-or-ground:recipient
    intent text not null,
    kind text not null,
    channel text not null default 'email',
    recipient text not null,
    address text,
    locale text not null, -- requested by the recipient; `written_in` is the language of the message
    content jsonb not null,
    states_promise integer,
    caused_at timestamptz not null,
    status text not null check (
        status in ('queued', 'sending', 'retry_wait', 'accepted', 'uncertain', 'dead', 'suppressed')
    ),
    reason text, -- code of the last reply, or reason of the suppression
    attempts integer not null default 0,
    next_attempt_at timestamptz,
    lease_until timestamptz, -- the worker that claimed it must record the result before that
    written_in text,
    template text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    check ((status = 'sending') = (lease_until is not null))
) with (fillfactor = 70);
create index message_ready on message (next_attempt_at) where next_attempt_at is not null;
create index message_leased on message (lease_until) where lease_until is not null;
create index message_of on message (complaint_id, position);

create table attempt (
    message_id uuid not null references message,
    number integer not null,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    outcome text check (outcome in ('sent', 'failed_transient', 'failed_permanent', 'uncertain')),
    code text,
    after_uncertain boolean not null default false, -- sent again with the same Message-ID after an uncertain attempt
    primary key (message_id, number)
);
