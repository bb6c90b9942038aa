"""Owns: cases, the load of teams and handlers, the taxonomy, the rulebook, the classifier.

Subscribes to: ComplaintReceived, Resolved, Reopened, Withdrawn, ClockBreached, ClockEscalated.
Publishes: Triaged, ScreeningRequested, Assigned, Escalated.
"""
