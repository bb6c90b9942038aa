"""Running stack that the stories share."""

from collections.abc import Iterator

import pytest

from tests.running_stack import RunningStack, run_stack


@pytest.fixture(scope="package")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with run_stack(tmp_path_factory.mktemp("story")) as started:
        yield started
