"""I own: calendars, policies, clocks, and the promises made to customers.

I hear: ComplaintReceived, MessageAdded, ProgressRecorded, Resolved, Reopened, Withdrawn, Triaged, MessageAccepted.
I say: PromiseMade, PromiseRevised, PromiseKept, PromiseBroken, ClockWarned, ClockBreached, ClockStopped,
ClockCorrected.
"""
