"""What annotation needs from outside."""

from collections.abc import Iterator
from typing import Protocol

from penstock.evals.annotation.types import NewItem, OutputsWanted

__all__ = ["Outputs"]


class Outputs(Protocol):
    """Answers of experiments. Blocks."""

    def __call__(self, project: str, wanted: OutputsWanted) -> Iterator[NewItem]:
        """Raises `NotFound` where there is no such experiment."""
        ...
