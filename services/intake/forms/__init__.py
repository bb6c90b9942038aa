"""Everything that outsiders may say, as forms that refuse what we could not act on."""

from services.intake.forms.complaint import (
    BODY_MAX,
    COMPLAINT,
    COMPLAINT_LINE,
    KEY_PATTERN,
    Complaint,
    ComplaintLine,
    is_key,
)
from services.intake.forms.errors import Invalid, Malformed, invalid, read_form
from services.intake.forms.people import warm_up
from services.intake.forms.updates import Feedback, Message, Milestone, Progress, Reopening, Resolution, Withdrawal

__all__ = [
    "BODY_MAX",
    "COMPLAINT",
    "COMPLAINT_LINE",
    "KEY_PATTERN",
    "Complaint",
    "ComplaintLine",
    "Feedback",
    "Invalid",
    "Malformed",
    "Message",
    "Milestone",
    "Progress",
    "Reopening",
    "Resolution",
    "Withdrawal",
    "invalid",
    "is_key",
    "read_form",
    "warm_up",
]
