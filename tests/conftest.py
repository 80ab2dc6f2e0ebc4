"""What holds for every test of the repository."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from metadata_harness import MetadataOpener

# The machines that run this are shared: a slow example is no finding. CI searches the same examples every time.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are named by their argument: what a compressor or a clock put into them differs between two processes, and
    tests that are spread over processes must have the same names in each.
    """
    return argname if isinstance(val, bytes) and len(val) > 16 else None


@pytest.fixture(scope="session")
def metadata_opener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MetadataOpener]:
    """Opens an empty metadata store quickly; each test has one of its own."""
    opener = MetadataOpener(tmp_path_factory.mktemp("tables"))
    yield opener
    opener.close()
