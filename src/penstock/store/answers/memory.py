"""Answers in the memory of one worker: the least recently used go first, by bytes."""

from collections import OrderedDict
from typing import NamedTuple

from penstock.core.clock import Clock
from penstock.wire.answers import CachedAnswer

__all__ = ["MemoryAnswers"]


class _Kept(NamedTuple):
    answer: CachedAnswer
    expires: float
    """On the monotonic clock, seconds."""
    size: int


class MemoryAnswers:
    """Every operation but `clear` of one project takes the same time however many answers there are.

    An answer that is over is dropped when it is asked for, or when it has become the least recently used and room
    is needed; until then it counts.

    Args:
        budget: Bytes of all answers together, at most.
        clock: Tells when an answer is over.
    """

    def __init__(self, *, budget: int, clock: Clock) -> None:
        self._budget = budget
        self._now = clock.monotonic
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        """The least recently used first."""
        self._bytes = 0

    @property
    def distant(self) -> bool:
        return False

    async def get(self, key: str) -> CachedAnswer | None:
        """The answer, which is now the most recently used."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.expires <= self._now():
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept.answer

    def put(self, key: str, answer: CachedAnswer, *, ttl: float) -> None:
        """Keep it, and make room. One that alone is over the budget is not kept; an earlier one goes in any case."""
        self._drop(key)
        size = answer.size + len(key)
        if size > self._budget or ttl <= 0:
            return
        self._kept[key] = _Kept(answer, self._now() + ttl, size)
        self._bytes += size
        self._make_room()

    async def clear(self, project: str | None = None) -> int:
        """Forget the answers of one project, or all."""
        keys = list(self._kept) if project is None else [key for key in self._kept if key.startswith(f"{project}/")]
        for key in keys:
            self._drop(key)
        return len(keys)

    def resize(self, budget: int) -> None:
        """Another budget, from now on."""
        self._budget = budget
        self._make_room()

    @property
    def entries(self) -> int:
        return len(self._kept)

    @property
    def bytes(self) -> int:
        return self._bytes

    async def close(self) -> None:
        self._kept.clear()
        self._bytes = 0

    def _make_room(self) -> None:
        while self._bytes > self._budget:
            self._bytes -= self._kept.popitem(last=False)[1].size

    def _drop(self, key: str) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._bytes -= kept.size
