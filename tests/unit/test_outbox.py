"""Partitions of the outbox: constants of the module compared with the SQL schema."""

import re

from shared.storage.outbox import PARTITIONS, SLOT_SECONDS
from shared.storage.postgres import SHARED_SCHEMA


def test_slot_seconds_and_partition_count_match_the_schema() -> None:
    schema = (SHARED_SCHEMA / "0001_kernel.sql").read_text("utf-8")
    (slot,) = re.findall(
        r"slot smallint not null default \(\(extract\(epoch from now\(\)\)::bigint / (\d+)\) % (\d+)\)", schema
    )
    assert slot == (str(SLOT_SECONDS), str(len(PARTITIONS)))
