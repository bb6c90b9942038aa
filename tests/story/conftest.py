"""Stack for all stories that need it."""

from collections.abc import Iterator

import pytest

from tests.running_stack import Ground, running


@pytest.fixture(scope="package")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with running(tmp_path_factory.mktemp("story")) as started:
        yield started
