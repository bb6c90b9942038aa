"""Plain baseline, `python -m tests.bench.plain_baseline PORT DSN`: FastAPI, an asyncpg pool, one INSERT per POST.

It has no authentication, idempotency, timeline or outbox. The customer is validated with intake's form, so that both
sides validate alike (pydantic's EmailStr would cost 70 µs more per request).
"""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid4

import asyncpg
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from services.intake.forms.people import Customer

CREATE_TABLE = """
create table if not exists complaint (
    id uuid primary key, name text, email text, locale text, timezone text, channel text not null, subject text,
    narrative text not null, product text, expected_outcome text, received_at timestamptz, attributes jsonb not null,
    created_at timestamptz not null default now())
"""
INSERT_COMPLAINT = """
insert into complaint (id, name, email, locale, timezone, channel, subject, narrative, product, expected_outcome,
                       received_at, attributes)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""


class Complaint(BaseModel):
    model_config = ConfigDict(extra="forbid")
    customer: Customer
    channel: Literal["web", "app", "email", "phone", "chat", "letter", "branch", "social", "partner"]
    subject: str | None = Field(default=None, max_length=200)
    narrative: str = Field(min_length=1, max_length=50_000)
    product: str | None = None
    expected_outcome: str | None = None
    received_at: datetime | None = None
    attributes: dict[str, str] = Field(default_factory=dict)


class Created(BaseModel):
    id: UUID
    reference: str
    status: Literal["received"] = "received"


def build_app(dsn: str) -> FastAPI:
    """Build the application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(dsn, min_size=10, max_size=20) as pool:
            await pool.execute(CREATE_TABLE)
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    @app.post("/v1/complaints", status_code=201)
    async def create(complaint: Complaint) -> Created:
        created = Created(id=uuid4(), reference="")
        customer = complaint.customer
        await app.state.pool.execute(
            INSERT_COMPLAINT,
            created.id,
            customer.name,
            customer.email,
            customer.locale,
            customer.timezone,
            complaint.channel,
            complaint.subject,
            complaint.narrative,
            complaint.product,
            complaint.expected_outcome,
            complaint.received_at,
            json.dumps(complaint.attributes),
        )
        return created

    return app


if __name__ == "__main__":
    uvicorn.run(
        build_app(sys.argv[2]),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
