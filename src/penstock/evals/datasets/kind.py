"""The kind `dataset` of the registry: its bodies say which rows a version has."""

from typing import Any

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.datasets.splits import check_splits
from penstock.evals.datasets.types import Manifest
from penstock.registry.artifacts.kinds import JsonKind, convert_body

__all__ = ["DatasetKind"]


class DatasetKind(JsonKind):
    """What versions differ in is read from the rows; see `penstock.evals.datasets.service.Datasets.diff`."""

    def __init__(self) -> None:
        super().__init__("dataset")

    @property
    def suffix(self) -> str:
        """Its files hold rows; see `penstock.cli.dataset_files`."""
        return ".jsonl"

    def check(self, body: Any) -> Any:
        manifest: Manifest = convert_body(body, Manifest)
        if manifest.rows != sum(chunk.rows for chunk in manifest.chunks):
            raise InvalidInput(
                "The body of a dataset is made by the server from its rows; this one does not add up.",
                field="body.rows",
                hint="Send rows to /api/v1/datasets.",
            )
        if manifest.splits is not None:
            check_splits(manifest.splits)
        return msgspec.to_builtins(manifest)

    def text(self, body: Any) -> str:
        del body
        return ""
