-- depends: 0001_kernel
-- What notify remembers of each complaint; `due_at` is when an opening letter stops waiting to be complete.

create table complaint (
    complaint_id uuid primary key,
    state jsonb not null,
    version integer not null,
    updated_at timestamptz not null default now(),
    due_at timestamptz
);
create index complaint_due on complaint (due_at) where due_at is not null;
