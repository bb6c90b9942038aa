-- depends: 0003_at_risk
-- Figures of a period are over what fell due in it, also what was done long before and never written again.

alter table complaint
    add column last_due_at timestamptz; -- the latest due time of any clock or promise; null: written before it was kept
-- In the order in which a scan walks, so that it passes over what is not of its time without a look at the row.
create index complaint_last_due on complaint (complaint_id, coalesce(last_due_at, 'infinity'));
