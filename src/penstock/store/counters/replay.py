"""From the segments of the journal to what they cost."""

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from penstock.store.counters.windows import bounds, kind_of

__all__ = ["Spent", "spend_of"]

logger = logging.getLogger(__name__)


class Spent(Protocol):
    """The counters that a recorded span adds to, and how much: `Limiter.spent`."""

    def __call__(
        self,
        *,
        project: str,
        key: str | None,
        user: str | None,
        tags: Mapping[str, str],
        tokens: int,
        cost: int | None,
    ) -> Sequence[tuple[str, int]]: ...


class _Row(msgspec.Struct):
    """The columns of a span that tell what it cost, and whom."""

    record: str
    project: str
    span_id: str
    started: int
    parent_id: str | None = None
    call: bool = False
    user: str | None = None
    key: str | None = None
    tags: dict[str, str] = {}
    usage_input: int = 0
    usage_cache_read: int = 0
    usage_cache_write: int = 0
    usage_output: int = 0
    usage_reasoning: int = 0
    usage_input_audio: int = 0
    usage_output_audio: int = 0
    usage_input_image: int = 0
    usage_output_image: int = 0
    cost: int | None = None

    @property
    def tokens(self) -> int:
        return (
            self.usage_input
            + self.usage_cache_read
            + self.usage_cache_write
            + self.usage_output
            + self.usage_reasoning
            + self.usage_input_audio
            + self.usage_output_audio
            + self.usage_input_image
            + self.usage_output_image
        )


_decode = msgspec.json.Decoder(_Row).decode


def spend_of(segment: bytes, spent: Spent) -> dict[tuple[str, int], int]:
    """What the spans of a segment add to the durable counters, by counter and start of window.

    Cost and tokens are sums over all rows of a call. They belong to the window in which the call started,
    also when an attempt started in the next one. A torn last line is passed over, as is what is not a span.
    """
    total: dict[tuple[str, int], int] = {}
    started: dict[str, int] = {}
    for line in segment[: segment.rfind(b"\n") + 1].splitlines():
        try:
            row = _decode(line)
        except (msgspec.MsgspecError, ValueError) as error:
            logger.warning("a journal line is not counted in any budget, because it is not readable: %s", error)
            continue
        if row.record != "span":
            continue
        if row.call:
            started[row.span_id] = row.started
        at = row.started if row.call else started.get(row.parent_id or "", row.started)
        tokens = row.tokens
        if not tokens and not row.cost:
            continue
        for counter, amount in spent(
            project=row.project, key=row.key, user=row.user, tags=row.tags, tokens=tokens, cost=row.cost
        ):
            place = (counter, bounds(kind_of(counter)[1], at)[0])
            total[place] = total.get(place, 0) + amount
    return total
