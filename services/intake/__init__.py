"""Owns: the complaint as it was filed, what outsiders state about it, the public timeline, references and receipts.

Subscribes to: Triaged, ScreeningRequested, Assigned, Escalated, PromiseMade, PromiseRevised, PromiseKept,
PromiseBroken, MessageAccepted, MessageFailed, MessageSuppressed.
Publishes: ComplaintReceived, MessageAdded, ProgressRecorded, Resolved, Reopened, Withdrawn, FeedbackGiven,
MilestoneRecorded, Merged.
"""
