"""Context of a decision of intake."""

from shared.runner.types import Context

# Intake decides from the state and the time alone, so the common context is enough.
IntakeContext = Context
