"""Owns: the complaint as filed, its updates by clients, the public timeline, references and idempotency keys.

Subscribes to: Triaged, ScreeningRequested, Assigned, Escalated, PromiseMade, PromiseRevised, PromiseKept,
PromiseBroken, MessageAccepted, MessageFailed, MessageSuppressed.
Publishes: ComplaintReceived, MessageAdded, ProgressRecorded, Resolved, Reopened, Withdrawn, FeedbackGiven,
MilestoneRecorded, Merged.
"""
