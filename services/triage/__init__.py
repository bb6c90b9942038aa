"""I own: cases, the load of teams and handlers, the taxonomy, the rulebook, the classifier.

I hear: ComplaintReceived, Resolved, Reopened, Withdrawn, ClockBreached, ClockEscalated.
I say: Triaged, ScreeningRequested, Assigned, Escalated.
"""
