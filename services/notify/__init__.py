"""I own: what people are told about their complaint, in which words, and every attempt to tell them.

I hear: ComplaintReceived, ProgressRecorded, Resolved, Reopened, Withdrawn, Triaged, Assigned, PromiseMade,
PromiseRevised, PromiseBroken.
I say: MessageAccepted, MessageDelivered, MessageBounced, MessageFailed, MessageSuppressed.
"""
