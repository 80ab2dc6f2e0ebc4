"""Datasets and what else is measured with, bound to the stores."""

from dataclasses import dataclass

from penstock.core.clock import Clock
from penstock.core.home import Home
from penstock.core.ids import Ids
from penstock.evals.datasets.imports import Imports
from penstock.evals.datasets.service import Datasets
from penstock.evals.datasets.uploads import Uploads
from penstock.registry.artifacts.service import ArtifactService
from penstock.store.metadata import Metadata

__all__ = ["Evaluation", "evaluation"]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The services of `penstock.evals` in one console."""

    datasets: Datasets
    uploads: Uploads
    imports: Imports

    def close(self) -> None:
        """Stop what runs beside requests."""
        self.imports.close()


def evaluation(metadata: Metadata, artifacts: ArtifactService, *, home: Home, clock: Clock, ids: Ids) -> Evaluation:
    """The services over open stores; the caller closes them first."""
    datasets = Datasets(metadata, artifacts.versions)
    uploads = Uploads(home.uploads, clock=clock, ids=ids)
    return Evaluation(
        datasets=datasets,
        uploads=uploads,
        imports=Imports(datasets, uploads, clock=clock, ids=ids),
    )
