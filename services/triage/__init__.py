"""Owns: cases, open cases per handler, the rulebook with its categories and teams, the classifier.

Subscribes to: ComplaintReceived, Resolved, Reopened, Withdrawn, ClockBreached, ClockEscalated.
Publishes: Triaged, ScreeningRequested, Assigned, Escalated.
"""
