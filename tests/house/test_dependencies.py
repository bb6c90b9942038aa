"""Rules of dependencies: layers import in one direction, and domain modules are pure."""

import ast

import pytest

from tests.house.source_files import ROOT, SERVICES, imports, modules, name, tree

IMPURE = (
    "asyncpg", "aiokafka", "faststream", "fastapi", "starlette", "httpx", "uvicorn", "asyncio", "logging", "random",
    "secrets", "os", "time", "socket", "subprocess", "pathlib", "aiosmtplib", "shared.storage.postgres", "shared.storage.outbox",
    "shared.storage.inbox", "shared.runtime", "shared.settings", "shared.ops.metrics", "prometheus_client",
)  # fmt: skip
CLOCKS = {"now", "utcnow", "today", "uuid4", "uuid7", "uuid1"}


def service_modules_in(parts: str) -> list:
    return [path for path in modules("services") if parts in name(path)]


def is_domain(path) -> bool:
    return "/domain" in name(path)


@pytest.mark.parametrize("path", [path for path in modules("services") if is_domain(path)], ids=name)
def test_a_domain_module_uses_no_clock_no_random_numbers_and_no_io(path) -> None:
    impure = [
        module for module in imports(path) if module.startswith(IMPURE) and not module.startswith("shared.runner.types")
    ]
    assert not impure
    calls = [
        node.func.attr
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS
    ]
    assert not calls
    assert not [node for node in ast.walk(tree(path)) if isinstance(node, ast.AsyncFunctionDef | ast.Await)]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_does_not_import_another_service(service: str) -> None:
    others = tuple(f"services.{other}" for other in SERVICES if other != service)
    assert not [
        (name(p), i) for p in service_modules_in(f"services/{service}/") for i in imports(p) if i.startswith(others)
    ]


def test_shared_imports_no_service_and_services_do_not_import_deploy() -> None:
    assert not [
        (name(p), i) for p in modules("shared") for i in imports(p) if i.startswith(("services", "deploy", "tests"))
    ]
    assert not [(name(p), i) for p in modules("services") for i in imports(p) if i.startswith(("deploy", "tests"))]


def test_only_the_postgres_module_opens_connections() -> None:
    openers = {"create_pool", "connect"}
    callers = [
        name(path)
        for path in modules("services", "shared")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and node.attr in openers
        and isinstance(node.value, ast.Name)
        and node.value.id == "asyncpg"
    ]
    assert set(callers) == {"shared/storage/postgres.py"}


def test_only_the_runner_commits_decisions() -> None:
    """Check that only the runner, its replay and intake's creation of complaints append to the outbox."""
    writers = {
        name(p) for p in modules("services", "shared") if any(i.startswith("shared.storage.outbox") for i in imports(p))
    }
    allowed = {"shared/messaging/relay.py", "shared/ops/probe.py", "shared/testing/memory.py"}
    writers |= {name(p) for p in modules("shared") if "shared.storage.outbox" in imports(p)}
    assert {path for path in writers - allowed if not path.startswith("shared/runner/")} <= {
        "services/intake/store/create.py"
    }


def test_no_function_of_a_domain_has_a_connection_or_broker_parameter() -> None:
    for path in modules("services"):
        if is_domain(path):
            words = {node.arg for node in ast.walk(tree(path)) if isinstance(node, ast.arg)}
            assert not words & {"conn", "connection", "pool", "broker", "producer", "runtime"}, name(path)


def test_an_import_does_not_read_settings() -> None:
    for path in modules("services", "shared"):
        for node in tree(path).body:
            calls = (
                [n for n in ast.walk(node) if isinstance(n, ast.Call)]
                if isinstance(node, ast.Assign | ast.Expr)
                else []
            )
            names = {n.func.id for n in calls if isinstance(n.func, ast.Name)}
            assert not names & {"load_settings", "Settings", "ServiceSettings"}, name(path)


def test_no_file_contains_a_registry_url_or_a_path_of_one_machine() -> None:
    import re
    import subprocess

    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    hosts = re.compile(r"https?://[^ ]*(pypi|pythonhosted|npmjs|maven2|debian)")
    paths = re.compile(r"(^|[^A-Za-z0-9_.-])/(work|farm)/")
    for file in tracked:
        if file.startswith("tests/house/"):
            continue
        text = (ROOT / file).read_text("utf-8", errors="ignore") if (ROOT / file).is_file() else ""
        assert not hosts.search(text), file
        assert not paths.search(text), file
