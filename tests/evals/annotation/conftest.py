"""Queues on a real metadata store."""

from dataclasses import dataclass

import pytest

from penstock.core.clock import ManualClock
from penstock.core.ids import RandomIds
from penstock.evals.annotation.service import Annotation
from penstock.evals.annotation.sources import Sources
from penstock.evals.annotation.types import AddItems, NewItem, NewLabel, NewQueue, Question
from penstock.evals.datasets.kind import DatasetKind
from penstock.evals.datasets.service import Datasets
from penstock.identity.service import IdentityService
from penstock.identity.types import Grants, Principal
from penstock.registry.artifacts.service import ArtifactService
from penstock.store.metadata import open_metadata

QUESTIONS = [
    Question(name="good", type="boolean"),
    Question(name="tone", type="category", categories=["calm", "angry"], required=False),
    Question(name="grade", type="number", least=1, most=5, required=False),
    Question(name="fix", type="text", required=False),
]


@dataclass
class Office:
    annotation: Annotation
    datasets: Datasets
    admin: Principal
    project: str
    clock: ManualClock

    def person(self, name):
        return Principal(kind="user", id=f"id-{name}", name=name, grants=Grants(), project=self.project)

    def queue(self, name="answers", **fields):
        fields = {"doubled": 0.0, "questions": QUESTIONS, **fields}
        return self.annotation.create(self.admin, self.project, NewQueue(name=name, **fields)).id

    def fill(self, queue, count=4, **fields):
        items = [NewItem(input=f"question {n}", output=f"answer {n}", **fields) for n in range(count)]
        return self.annotation.add(self.project, queue, AddItems(items=items))

    def take(self, name, queue):
        return self.annotation.next(self.person(name), self.project, queue)

    def say(self, name, queue, item, **label):
        label = label or {"answers": {"good": True}}
        self.clock.advance(1)
        return self.annotation.label(self.person(name), self.project, queue, item, NewLabel(**label))


@pytest.fixture
def office(tmp_path):
    clock = ManualClock()
    ids = RandomIds(clock, seed=1)
    metadata = open_metadata(tmp_path / "metadata.db")
    identity = IdentityService(metadata, clock=clock, ids=ids, master_key=tmp_path / "master.key")
    made = identity.bootstrap(tmp_path / "admin.key")
    assert made is not None
    artifacts = ArtifactService(metadata, clock=clock, ids=ids, vault=None, sender=None, kinds=[DatasetKind()])
    datasets = Datasets(metadata, artifacts.versions)
    annotation = Annotation(metadata, Sources(datasets, None, None), clock=clock, ids=ids)
    yield Office(annotation, datasets, identity.access.by_key(made.secret), made.project, clock)
    metadata.close()
