"""Context of a decision of intake."""

from typing import TypeAlias

from shared.runner.types import Context

# Intake decides from the state and the time alone, so the common context is enough.
IntakeContext: TypeAlias = Context
