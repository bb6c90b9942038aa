"""I own: what people are told about their complaint, in which words, and every attempt to tell them.

I hear: ComplaintReceived, MessageAdded, ProgressRecorded, Resolved, Reopened, Withdrawn, Triaged, Assigned,
PromiseMade, PromiseRevised, PromiseBroken, PromiseAtRisk, LetterDue, SilenceNoticed.
I say: MessageAccepted, MessageDelivered, MessageBounced, MessageFailed, MessageSuppressed.
"""
