"""What is kept of an answer, what a hit saved (FAILURES G28), and how often it happens."""

from typing import Literal, NamedTuple

from penstock.gateway.reuse.policy import MAX_ANSWER_BYTES, is_complete
from penstock.gateway.reuse.ports import AnswerCache
from penstock.providers.types import Answer, Operation
from penstock.wire.answers import CachedAnswer
from penstock.wire.status import CacheReport
from penstock.wire.usage import Usage

__all__ = ["Outcome", "Savings", "Tally", "keepable", "savings"]

Outcome = Literal["hit", "miss", "joined"]
"""Told in the header `x-penstock-cache` and in the record."""


class Savings(NamedTuple):
    """What giving an answer again did without. A call that took it used no tokens and cost 0."""

    usage: Usage
    """Tokens that were not used again; they are not the call's own usage."""
    saved: int | None
    """Nano-dollars that it would have cost; None unknown."""


def savings(answer: CachedAnswer) -> Savings:
    """What a hit, or a call that joined another in flight, saved."""
    return Savings(answer.usage or Usage(), answer.cost)


def keepable(operation: Operation, answer: Answer, body: bytes | None, *, limit: int = MAX_ANSWER_BYTES) -> bool:
    """Whether an answer may go into the cache: complete, known as a whole, and not longer than `limit` bytes."""
    return body is not None and len(body) <= limit and is_complete(operation, answer)


class Tally:
    """Counts of one worker since its start."""

    def __init__(self) -> None:
        self._outcomes: dict[Outcome, int] = {"hit": 0, "miss": 0, "joined": 0}
        self._saved = 0

    def count(self, outcome: Outcome, answer: CachedAnswer | None = None) -> None:
        """One call that asked the cache; `answer` is what it was given, for a hit or a joined call."""
        self._outcomes[outcome] += 1
        if answer is not None and outcome != "miss":
            self._saved += answer.cost or 0

    def report(self, cache: AnswerCache) -> CacheReport:
        return CacheReport(
            hits=self._outcomes["hit"],
            misses=self._outcomes["miss"],
            joined=self._outcomes["joined"],
            entries=cache.entries,
            bytes=cache.bytes,
            saved=self._saved,
        )
