"""I own: the complaint as it was filed, what outsiders state about it, the public timeline, references and receipts.

I hear: Triaged, ScreeningRequested, Assigned, Escalated, PromiseMade, PromiseRevised, PromiseKept, PromiseBroken,
MessageAccepted, MessageFailed, MessageSuppressed.
I say: ComplaintReceived, MessageAdded, ProgressRecorded, Resolved, Reopened, Withdrawn, FeedbackGiven,
MilestoneRecorded, Merged.
"""
