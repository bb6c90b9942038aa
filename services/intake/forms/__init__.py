"""Forms of the requests. They validate every field; a form that passed needs no further check of its format."""

from services.intake.forms.complaint import (
    BODY_MAX,
    COMPLAINT,
    COMPLAINT_LINE,
    KEY_PATTERN,
    ComplaintForm,
    ComplaintLine,
    is_key,
)
from services.intake.forms.errors import Invalid, Malformed, field_error, parse_form
from services.intake.forms.people import warm_up
from services.intake.forms.updates import (
    FeedbackForm,
    MessageForm,
    MilestoneForm,
    ProgressForm,
    ReopeningForm,
    ResolutionForm,
    WithdrawalForm,
)

__all__ = [
    "BODY_MAX",
    "COMPLAINT",
    "COMPLAINT_LINE",
    "KEY_PATTERN",
    "ComplaintForm",
    "ComplaintLine",
    "FeedbackForm",
    "Invalid",
    "Malformed",
    "MessageForm",
    "MilestoneForm",
    "ProgressForm",
    "ReopeningForm",
    "ResolutionForm",
    "WithdrawalForm",
    "field_error",
    "is_key",
    "parse_form",
    "warm_up",
]
