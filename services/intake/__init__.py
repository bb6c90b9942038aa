"""Intake, the front door.

I own: the complaint as it was filed, the facts that outsiders state about it, the public timeline, receipts.
I hear: triage (what it is, whose it is), sla (promises), notify (what was told).
I say: complaint.received, message_added, progress_recorded, resolved, reopened, withdrawn, feedback_given.
"""
