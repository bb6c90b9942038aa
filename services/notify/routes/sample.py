"""Sample content for previews of messages."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from services.notify.domain import Content
from shared.contracts.events import Redress

SAMPLE_TIME: Final = datetime(2031, 5, 5, 9, 30, tzinfo=UTC)  # fixed, so that a preview is always the same


def build_sample(timezone: str | None = None) -> Content:
    """Return content with every field filled; it belongs to no real case."""
    return Content(
        reference="RD-SAMPLE",
        received_at=SAMPLE_TIME,
        name="Customer 12",
        timezone=timezone,
        subject="The kettle arrived broken",
        expected_outcome="A new kettle before the weekend",
        category=("product_quality",),
        team="products",
        handler="Handler 3",
        due_at=SAMPLE_TIME + timedelta(days=4, hours=2),
        next_update_at=SAMPLE_TIME + timedelta(days=3),
        action_at=SAMPLE_TIME + timedelta(days=9),
        old_due_at=SAMPLE_TIME + timedelta(days=2),
        reasons=("supplier_delay", "investigation"),
        words="We have spoken to the maker.\nA new lid is on its way to you.",
        progress="awaiting_third_party",
        silent_since=SAMPLE_TIME - timedelta(days=14),
        letter="sample:delay",
        recourse=True,
        repeats=True,
        outcome="upheld",
        redress=(Redress(kind="replacement"), Redress(kind="goodwill", amount=Decimal("15.50"), currency="EUR")),
    )
