-- depends: 0003_at_risk
-- Figures of a period are over what fell due in it, also what was done long before and never written again.

alter table complaint
    add column last_due_at timestamptz; -- the latest due time of any clock or promise; null: written before it was kept
