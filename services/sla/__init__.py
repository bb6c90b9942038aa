"""Owns: calendars, policies, clocks, and the promises made to customers.

Subscribes to: ComplaintReceived, MessageAdded, ProgressRecorded, Resolved, Reopened, Withdrawn, MilestoneRecorded,
Merged, Triaged, Assigned, MessageAccepted, MessageBounced, MessageFailed.
Publishes: PromiseMade, PromiseRevised, PromiseKept, PromiseBroken, PromiseAtRisk, ExtensionRequested, LetterDue,
SilenceNoticed, ClockWarned, ClockEscalated, ClockBreached, ClockBreachVoided, ClockStopped, ClockCorrected,
ClockRebased.
"""
