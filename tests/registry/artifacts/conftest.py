import shutil

import pytest

from artifacts_harness import KeepingSender, MemoryVault, Registry
from penstock.core.clock import ManualClock
from penstock.core.ids import RandomIds
from penstock.registry.artifacts.service import ArtifactService
from penstock.store.metadata import open_metadata
from penstock.store.metadata.schema import organizations, projects


@pytest.fixture(scope="session")
def made_store(tmp_path_factory):
    path = tmp_path_factory.mktemp("metadata") / "metadata.db"
    store = open_metadata(path)
    with store.write() as connection:
        connection.execute(organizations.insert().values(id="o", name="o", created=1))
        for id_ in ("p1", "p2"):
            connection.execute(
                projects.insert().values(id=id_, organization="o", name=id_, created=1, cache_generation=0)
            )
    store.close()
    return path


@pytest.fixture
def registry(tmp_path, made_store):
    path = tmp_path / "metadata.db"
    shutil.copyfile(made_store, path)
    metadata = open_metadata(path)
    clock = ManualClock()
    vault, sender, published = MemoryVault(), KeepingSender(), []
    service = ArtifactService(
        metadata,
        clock=clock,
        ids=RandomIds(clock),
        vault=vault,
        sender=sender,
        on_change=lambda: published.append(metadata.revision()),
    )
    yield Registry(service, clock, vault, sender, metadata, published)
    metadata.close()
