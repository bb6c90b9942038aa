"""Rules of the layout: the same role has the same module and class name in every service."""

import ast
import importlib
import re

import pytest

from shared.contracts import FACTS
from shared.contracts import SERVICES as DECLARED
from tests.house.source_files import ROOT, SERVICES, imports, modules, name, tree

MODULES = ("__init__", "__main__", "app", "settings")
PACKAGES = ("routes", "domain", "store")
ROLES = ("state", "commands", "apply", "handle", "decide", "context")
GENERIC_NAMES = {
    "utils",
    "util",
    "common",
    "helpers",
    "helper",
    "base",
    "manager",
    "managers",
    "misc",
    "service",
    "services",
}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("module", MODULES)
def test_every_service_has_the_standard_modules(service: str, module: str) -> None:
    assert (ROOT / "services" / service / f"{module}.py").exists()


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("package", PACKAGES)
def test_every_service_has_the_standard_packages(service: str, package: str) -> None:
    assert (ROOT / "services" / service / package / "__init__.py").exists()


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_of_the_domain_has_the_same_file_in_every_service(service: str, role: str) -> None:
    assert (ROOT / "services" / service / "domain" / f"{role}.py").exists()


@pytest.mark.parametrize("service", SERVICES)
def test_the_role_files_of_a_domain_define_the_standard_names(service: str) -> None:
    domain, title = ROOT / "services" / service / "domain", service.title()
    assert f"{title}State" in defined_names(domain / "state.py")
    assert f"{title}Context" in defined_names(domain / "context.py")
    assert "decide" in defined_names(domain / "decide.py")
    assert "apply" in defined_names(domain / "apply.py")
    assert "handle" in defined_names(domain / "handle.py")


@pytest.mark.parametrize("service", SERVICES)
def test_stores_and_routes_have_the_same_name_in_every_service(service: str) -> None:
    folder = ROOT / "services" / service
    store = folder / "store" / "states.py"
    bases = {
        node.name: [ast.unparse(base).split("[")[0] for base in node.bases]
        for node in tree(store).body
        if isinstance(node, ast.ClassDef)
    }
    assert bases[f"{service.title()}Store"] == ["StateStore"]
    routes = importlib.import_module(f"services.{service}.routes")
    assert callable(routes.routes)


def defined_names(path) -> set[str]:
    """Return the names that a module defines at its top level, including aliases."""
    words = set()
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            words.add(node.name)
        elif isinstance(node, ast.Assign):
            words |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return words


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_migrations(service: str) -> None:
    assert list((ROOT / "services" / service / "schema").glob("0*_*.sql"))


@pytest.mark.parametrize("declared", DECLARED, ids=lambda service: service.name)
def test_the_docstring_of_a_service_lists_its_subscriptions_and_events(declared) -> None:
    text = importlib.import_module(f"services.{declared.name}").__doc__ or ""
    sentences = re.fullmatch(r"Owns: (.+?)\.\n\nSubscribes to: (.+?)\.\nPublishes: (.+?)\.\n?", text, flags=re.DOTALL)
    assert sentences, "expected three sentences: Owns / Subscribes to / Publishes"
    subscribed, published = ([word.strip() for word in sentences[n].replace("\n", " ").split(",")] for n in (2, 3))
    assert subscribed == [fact.__name__ for fact in declared.subscribes]
    assert published == [fact.__name__ for fact in declared.publishes]


def test_no_module_has_a_generic_name() -> None:
    assert not [
        name(path) for path in modules("services", "shared", "deploy") if path.stem in GENERIC_NAMES - {"service"}
    ]
    assert not list((ROOT / "services").rglob("service.py"))


def test_every_event_has_one_publisher_and_every_subscription_a_publisher() -> None:
    assert len(FACTS) == len(set(FACTS)) == len({fact.wire_type() for fact in FACTS})
    assert len({service.topic for service in DECLARED}) == len(DECLARED)
    for service in DECLARED:
        assert set(service.subscribes) <= set(FACTS)
        assert not set(service.subscribes) & set(service.publishes)


def test_only_the_outbox_and_the_relay_write_topics() -> None:
    producers = [name(path) for path in modules("services", "shared") if "aiokafka.AIOKafkaProducer" in imports(path)]
    assert producers == ["shared/messaging/kafka.py", "shared/messaging/relay.py"]
    importers = [name(path) for path in modules("services") if any(i.startswith("aiokafka") for i in imports(path))]
    assert not importers, "a service reaches Kafka only through the runner and the outbox"
