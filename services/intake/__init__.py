"""I own: the complaint as it was filed, what outsiders state about it later, and its public timeline.

I hear: Triaged, ScreeningRequested, Assigned, Escalated, PromiseMade, PromiseRevised, PromiseKept, PromiseBroken,
MessageAccepted, MessageFailed, MessageSuppressed.
I say: ComplaintReceived, MessageAdded, ProgressRecorded, Resolved, Reopened, Withdrawn, FeedbackGiven, Merged.
"""
