-- depends:
-- One row a complaint: the history. Clocks follow from them, so only the moment of the next one is a column.

create table complaint (
    complaint_id uuid primary key,
    state jsonb not null,
    version integer not null,
    updated_at timestamptz not null default now(),
    due_at timestamptz -- time of the next timer; null: none
);
create index complaint_due on complaint (due_at) where due_at is not null;
