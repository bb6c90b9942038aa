-- depends: 0001_kernel
-- State of each complaint; `due_at` is the time at which an opening message stops waiting for missing data.

create table complaint (
    complaint_id uuid primary key,
    state jsonb not null,
    version integer not null,
    updated_at timestamptz not null default now(),
    due_at timestamptz
);
create index complaint_due on complaint (due_at) where due_at is not null;
