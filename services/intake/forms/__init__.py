"""Everything that outsiders may say, as forms that refuse what we could not act on."""

from services.intake.forms.complaint import (
    BODY_MAX,
    COMPLAINT,
    COMPLAINT_LINE,
    KEY_PATTERN,
    ComplaintForm,
    ComplaintLine,
    is_key,
)
from services.intake.forms.errors import Invalid, Malformed, invalid, read_form
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
    "invalid",
    "is_key",
    "read_form",
    "warm_up",
]
