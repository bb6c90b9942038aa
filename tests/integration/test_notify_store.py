"""Store of notify on real PostgreSQL."""

from datetime import timedelta
from pathlib import Path

from services.notify import app
from services.notify.domain import NotifyContext, NotifyState
from services.notify.settings import Settings
from services.notify.store.states import NotifyStore
from shared.storage import postgres
from tests.factories import complaint_id

SCHEMA = Path(app.__file__).parent / "schema"


async def test_a_failing_timer_is_tried_again_after_an_hour(dsns: dict[str, str]) -> None:
    await postgres.migrate(dsns["notify"], SCHEMA)
    pool = await postgres.connect(Settings(postgres=dsns["notify"]), "notify")  # type: ignore[arg-type]
    store = NotifyStore(acknowledge_within=timedelta(0), receipt_window=timedelta(0), default_locale="en")
    subject = complaint_id()
    async with postgres.transaction(pool) as conn:
        now = await conn.fetchval("select now()")
        await store.save(conn, [NotifyState(complaint_id=subject, version=1, due_at=now)], NotifyContext(now))
        (timer,) = await store.claim_due(conn, 10)
        await store.postpone(conn, [timer.state.complaint_id], now)
    due_at = await pool.fetchval("select due_at from complaint where complaint_id = $1", subject)
    await pool.close()
    assert due_at - now == timedelta(hours=1)
