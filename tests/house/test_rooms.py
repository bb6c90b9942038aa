"""Every service is the same rooms with the same names."""

import importlib
import re

import pytest

from shared.contracts import FACTS
from shared.contracts import SERVICES as DECLARED
from tests.house.reading import ROOT, SERVICES, imports, modules, name

ROOMS = ("__init__", "__main__", "app", "settings", "routes", "domain", "store")
NO_ROOM = {"utils", "util", "common", "helpers", "helper", "base", "manager", "managers", "misc", "service", "services"}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("room", ROOMS)
def test_every_service_has_every_room(service: str, room: str) -> None:
    folder = ROOT / "services" / service
    assert (folder / f"{room}.py").exists() or (folder / room / "__init__.py").exists()


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_migrations(service: str) -> None:
    assert list((ROOT / "services" / service / "schema").glob("0*_*.sql"))


@pytest.mark.parametrize("declared", DECLARED, ids=lambda one: one.name)
def test_a_service_introduces_itself_as_the_table_of_topics_does(declared) -> None:
    text = importlib.import_module(f"services.{declared.name}").__doc__ or ""
    found = re.fullmatch(r"Owns: (.+?)\.\n\nSubscribes to: (.+?)\.\nPublishes: (.+?)\.\n?", text, flags=re.DOTALL)
    assert found, "expected three sentences: Owns / Subscribes to / Publishes"
    heard, said = ([word.strip() for word in found[n].replace("\n", " ").split(",")] for n in (2, 3))
    assert heard == [fact.__name__ for fact in declared.subscribes]
    assert said == [fact.__name__ for fact in declared.publishes]


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not [name(path) for path in modules("services", "shared", "deploy") if path.stem in NO_ROOM - {"service"}]
    assert not list((ROOT / "services").rglob("service.py"))


def test_every_fact_has_one_owner_and_nobody_waits_for_what_nobody_says() -> None:
    assert len(FACTS) == len(set(FACTS)) == len({fact.wire_type() for fact in FACTS})
    assert len({service.topic for service in DECLARED}) == len(DECLARED)
    for service in DECLARED:
        assert set(service.subscribes) <= set(FACTS)
        assert not set(service.subscribes) & set(service.publishes)


def test_only_the_outbox_and_the_relay_write_topics() -> None:
    producers = [name(path) for path in modules("services", "shared") if "aiokafka.AIOKafkaProducer" in imports(path)]
    assert producers == ["shared/messaging/kafka.py", "shared/messaging/relay.py"]
    said = [name(path) for path in modules("services") if any(i.startswith("aiokafka") for i in imports(path))]
    assert not said, "a service reaches Kafka only through the runner and the outbox"
