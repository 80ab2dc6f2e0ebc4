"""Datasets on a real metadata store."""

from dataclasses import dataclass

import pytest

from penstock.core.clock import ManualClock
from penstock.core.ids import RandomIds
from penstock.evals.datasets.kind import DatasetKind
from penstock.evals.datasets.service import Datasets
from penstock.identity.service import IdentityService
from penstock.identity.types import Principal
from penstock.registry.artifacts.service import ArtifactService
from penstock.registry.artifacts.types import Ref
from penstock.store.metadata import Metadata, open_metadata


class Nothing:
    """Stands where webhooks are not wanted."""


@dataclass
class Library:
    datasets: Datasets
    artifacts: ArtifactService
    metadata: Metadata
    admin: Principal
    project: str

    def ref(self, name="maths"):
        return Ref(self.project, "dataset", name)


@pytest.fixture
def library(tmp_path):
    clock = ManualClock()
    ids = RandomIds(clock, seed=1)
    metadata = open_metadata(tmp_path / "metadata.db")
    identity = IdentityService(metadata, clock=clock, ids=ids, master_key=tmp_path / "master.key")
    made = identity.bootstrap(tmp_path / "admin.key")
    assert made is not None
    artifacts = ArtifactService(
        metadata, clock=clock, ids=ids, vault=Nothing(), sender=Nothing(), kinds=[DatasetKind()]
    )
    admin = identity.access.by_key(made.secret)
    yield Library(Datasets(metadata, artifacts.versions), artifacts, metadata, admin, made.project)
    metadata.close()
