"""I own: calendars, policies, clocks, and the promises made to customers.

I hear: ComplaintReceived, MessageAdded, ProgressRecorded, Resolved, Reopened, Withdrawn, MilestoneRecorded, Merged,
Triaged, Assigned, MessageAccepted, MessageBounced, MessageFailed.
I say: PromiseMade, PromiseRevised, PromiseKept, PromiseBroken, PromiseAtRisk, ExtensionRequested, LetterDue,
SilenceNoticed, ClockWarned, ClockEscalated, ClockBreached, ClockBreachVoided, ClockStopped, ClockCorrected,
ClockRebased.
"""
