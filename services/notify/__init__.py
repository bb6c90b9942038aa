"""Owns: what people are told about their complaint, in which words, and every attempt to tell them.

Subscribes to: ComplaintReceived, MessageAdded, ProgressRecorded, Resolved, Reopened, Withdrawn, Triaged, Assigned,
PromiseMade, PromiseRevised, PromiseBroken, PromiseAtRisk, LetterDue, SilenceNoticed.
Publishes: MessageAccepted, MessageDelivered, MessageBounced, MessageFailed, MessageSuppressed.
"""
