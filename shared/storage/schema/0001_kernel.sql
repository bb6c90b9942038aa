-- depends:
-- Tables of every service: inbox, outbox, cursor of the relay, dead letters.

create table inbox (
    event_id uuid primary key, -- UUIDv7: old ids are at one end of the index, so deleting them is a range delete
    heard_at timestamptz not null default now()
);

-- Append-only. Read in windows of xid below the snapshot's xmin, by id within a window: a plain `id > cursor` would skip
-- rows of transactions that commit late (see shared/storage/outbox.py). Partitions are truncated once published.
create table outbox (
    xid xid8 not null default pg_current_xact_id(),
    id bigint generated always as identity,
    slot smallint not null default ((extract(epoch from now())::bigint / 600) % 3),
    topic text not null,
    key uuid not null,
    event_id uuid not null,
    value bytea not null check (octet_length(value) <= 1000000), -- the producer does not send a larger one
    said_at timestamptz not null default now()
) partition by list (slot);
create table outbox_0 partition of outbox for values in (0);
create table outbox_1 partition of outbox for values in (1);
create table outbox_2 partition of outbox for values in (2);
create index outbox_window on outbox (xid, id);
create index outbox_order on outbox (id);

-- Cursor of the active relay. `epoch` is the fencing token: updates of an earlier relay that has lost its lock fail.
create table relay (
    singleton boolean primary key default true check (singleton),
    epoch bigint not null default 0,
    done xid8 not null default '0', -- all rows below are published
    horizon xid8 not null default '0', -- end of the window that is being published
    id bigint not null default 0, -- published up to this id within the window
    moved_at timestamptz not null default now()
);
insert into relay default values;

create table dead_letter (
    id bigint generated always as identity primary key,
    subject uuid, -- complaint id, if the record has a valid one
    event_id uuid not null, -- of the event, or derived from the position of the record
    topic text not null,
    partition integer not null,
    record_offset bigint not null,
    value bytea,
    status text not null check (status in ('buried', 'parked', 'replayed', 'discarded')),
    error text not null,
    attempts integer not null default 1,
    buried_at timestamptz not null default now(),
    settled_at timestamptz
);
create index dead_letter_open on dead_letter (subject, id) where status in ('buried', 'parked');
