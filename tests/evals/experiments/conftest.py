import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments_harness import Lab
from penstock.store.metadata import open_metadata


@pytest.fixture(scope="session")
def empty_evals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with its tables: to make those takes longer than most tests."""
    path = tmp_path_factory.mktemp("evals") / "evals.db"
    open_metadata(path).close()
    return path


@pytest.fixture
def lab(tmp_path: Path, empty_evals: Path) -> Iterator[Lab]:
    shutil.copyfile(empty_evals, tmp_path / "evals.db")
    made = Lab(tmp_path)
    yield made
    made.close()
