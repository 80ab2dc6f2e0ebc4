"""Choosing some of many spans while they pass by, in memory that depends on how many are chosen.

At random: each span is given a number by a hash of the seed and of what it asks, and those with the smallest numbers
are kept (bottom-k sampling; Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC 2007). Spans that ask
the same have the same number, so one of them is kept, and each question is as likely as any other.
"""

from collections.abc import Iterable
from hashlib import blake2b
from heapq import heappush, heappushpop
from typing import Final, Literal

import msgspec

from penstock.core.errors import InvalidInput

__all__ = ["MAX_SIZE", "Candidate", "How", "Sample", "Sampler"]

MAX_SIZE: Final = 100_000
MAX_STRATA: Final = 1000
MAX_KEPT: Final = 1_000_000
"""Spans that are kept in mind at once, over all strata."""
How = Literal["all", "random", "newest", "stratified"]


class Sample(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of the spans that fit are taken."""

    how: How = "newest"
    """`stratified`: at random among those with the same value of `by`."""
    size: int = 1000
    """At most so many rows, 1 to 100,000; with `all`, more than these are refused."""
    by: str | None = None
    """A column or `tags.<name>`, with `stratified`."""
    balance: Literal["proportional", "equal"] = "proportional"
    """Strata have their share of what fits, at least one row each; or all the same number as far as they go."""
    seed: int = 0
    """The same seed chooses the same spans."""


class Candidate(msgspec.Struct, frozen=True, order=True):
    """A span that may be chosen."""

    started: int
    span_id: str
    trace_id: str


class Sampler:
    """Takes candidates, the oldest first, and gives those chosen.

    Args:
        sample: Which.
        distinct: Of those that ask the same, take one.

    Raises:
        InvalidInput: the size does not fit, or `by` is missing.
    """

    def __init__(self, sample: Sample, *, distinct: bool) -> None:
        if not 1 <= sample.size <= MAX_SIZE:
            raise InvalidInput(f"Expected a size from 1 to {MAX_SIZE}, got {sample.size}.", field="sample.size")
        if (sample.how == "stratified") != (sample.by is not None):
            raise InvalidInput("A stratified sample, and no other, names a column with `by`.", field="sample.by")
        self._sample = sample
        self._distinct = distinct
        self._seed = sample.seed.to_bytes(16, "big", signed=True)
        self._ordered: dict[str, Candidate] = {}
        self._strata: dict[str, _Stratum] = {}

    def add(self, candidate: Candidate, *, question: str | None, stratum: str | None) -> None:
        """Look at a span.

        Args:
            candidate: The span.
            question: The same for spans that ask the same; None where that is not known.
            stratum: The value of `by`.

        Raises:
            InvalidInput: more fit than `all` takes, or the strata are too many.
        """
        key = question if question is not None and self._distinct else candidate.span_id
        if self._sample.how in {"random", "stratified"}:
            self._add_random(candidate, key, stratum or "")
            return
        # Of spans that ask the same the newest counts.
        self._ordered.pop(key, None)
        self._ordered[key] = candidate
        if len(self._ordered) > self._sample.size:
            if self._sample.how == "all":
                raise InvalidInput(
                    f"More than {self._sample.size} spans fit.",
                    field="sample.size",
                    hint=f"Take a sample, a shorter time, or a larger size, up to {MAX_SIZE}.",
                    code="sample_too_large",
                )
            del self._ordered[next(iter(self._ordered))]

    def chosen(self) -> list[Candidate]:
        """Those chosen, the oldest first."""
        if self._strata:
            sizes = _allotted(
                {name: one.seen for name, one in self._strata.items()},
                {name: len(one.kept) for name, one in self._strata.items()},
                self._sample,
            )
            found = (candidate for name, one in self._strata.items() for candidate in one.first(sizes[name]))
            return sorted(found)
        return sorted(self._ordered.values())

    def _add_random(self, candidate: Candidate, key: str, name: str) -> None:
        stratum = self._strata.get(name)
        if stratum is None:
            if len(self._strata) >= MAX_STRATA or (len(self._strata) + 1) * self._sample.size > MAX_KEPT:
                raise InvalidInput(
                    f"{self._sample.by} has too many values for a sample of {self._sample.size}.",
                    field="sample.by",
                    hint="Stratify by a column of few values, or take fewer rows.",
                    code="too_many_strata",
                )
            stratum = self._strata[name] = _Stratum(self._sample.size)
        number = int.from_bytes(blake2b(key.encode(), key=self._seed, digest_size=8).digest())
        stratum.add(number, candidate)


class _Stratum:
    """The `size` candidates with the smallest numbers, one for each number."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._heap: list[int] = []
        self.kept: dict[int, Candidate] = {}
        self.seen = 0

    def add(self, number: int, candidate: Candidate) -> None:
        self.seen += 1
        if number in self.kept:
            self.kept[number] = candidate
        elif len(self._heap) < self._size:
            heappush(self._heap, -number)
            self.kept[number] = candidate
        elif number < -self._heap[0]:
            del self.kept[-heappushpop(self._heap, -number)]
            self.kept[number] = candidate

    def first(self, count: int) -> Iterable[Candidate]:
        return (self.kept[number] for number in sorted(self.kept)[:count])


def _allotted(seen: dict[str, int], kept: dict[str, int], sample: Sample) -> dict[str, int]:
    """How many rows each stratum has."""
    left = min(sample.size, sum(kept.values()))
    sizes = dict.fromkeys(seen, 0)
    if sample.balance == "proportional" and sample.how == "stratified":
        total = sum(seen.values())
        sizes = {name: min(kept[name], max(1, sample.size * seen[name] // total)) for name in seen}
        left -= sum(sizes.values())
        while left < 0:
            sizes[max(sizes, key=lambda name: sizes[name])] -= 1
            left += 1
    while left > 0:
        # Those with the fewest rows so far, as long as they have any more.
        open_ = [name for name in sizes if sizes[name] < kept[name]]
        for name in sorted(open_, key=lambda one: (sizes[one], one))[:left]:
            sizes[name] += 1
            left -= 1
    return sizes
