"""Owns: messages to customers, their texts and languages, and all attempts to send them.

Subscribes to: ComplaintReceived, MessageAdded, ProgressRecorded, Resolved, Reopened, Withdrawn, Triaged, Assigned,
PromiseMade, PromiseRevised, PromiseBroken, PromiseAtRisk, LetterDue, SilenceNoticed.
Publishes: MessageAccepted, MessageDelivered, MessageBounced, MessageFailed, MessageSuppressed.
"""
