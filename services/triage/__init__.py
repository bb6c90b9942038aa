"""Triage: what a complaint is, and whose.

I own: cases, teams' load, the taxonomy, the rulebook, the classifier.
I hear: ComplaintReceived, Resolved, Reopened, Withdrawn, ClockBreached.
I say: Triaged, ScreeningRequested, Assigned, Escalated.
"""
