"""Several secrets for one provider: which one the next attempt uses, and which are set aside."""

import hashlib
import math
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from random import Random
from typing import Final

import msgspec

from penstock.core.errors import InvalidInput, UpstreamError
from penstock.gateway.routing.verdicts import quota_spent

__all__ = ["Key", "KeyRing", "KeyState"]

REFUSED_FOR: Final = 300.0
"""Seconds a key is set aside that the provider refused; doubled each time it is refused again."""
REFUSED_AT_MOST: Final = 3600.0
LIMITED_FOR: Final = 60.0
"""Seconds a key is set aside whose quota is spent, when the provider does not say how long."""


class KeyState(msgspec.Struct):
    """What is known of one secret; outlives the ring, so that a new snapshot does not forget it."""

    until: float = 0.0
    """Set aside until then, monotonic seconds; 0: in use."""
    since: float = 0.0
    """When it was last set aside."""
    refusals: int = 0
    """In a row."""
    reason: str = ""


class Key(msgspec.Struct, frozen=True):
    """A provider key, its secret resolved."""

    name: str
    secret: str | None
    weight: float = 1.0

    @property
    def fingerprint(self) -> str:
        """Of the secret: a rotated one starts afresh."""
        return hashlib.sha256((self.secret or "").encode("utf-8", "surrogatepass")).hexdigest()

    def __repr__(self) -> str:
        return f"Key({self.name!r})"


class KeyRing:
    """The keys of one provider. With one key alone it is always that one.

    Args:
        keys: At least one.
        states: One for each key, in the same order; None starts afresh.
    """

    __slots__ = ("_aside", "_bounds", "_indexes", "_states", "keys")

    def __init__(self, keys: Sequence[Key], states: Sequence[KeyState] | None = None) -> None:
        if not keys:
            raise InvalidInput("A ring of provider keys needs at least one key, got none.")
        self.keys = tuple(keys)
        self._states = tuple(states) if states is not None else tuple(KeyState() for _ in keys)
        self._bounds: tuple[float, ...] = ()
        self._indexes: tuple[int, ...] = ()
        self._aside = math.inf
        self._sort()

    def pick(self, now: float, random: Random, *, tried: int = 0) -> int:
        """Index of the key for the next attempt: by weight among those in use.

        When none is in use it is the one whose time ends first. `tried` is a bit mask of keys that this
        call has tried; they come last.
        """
        if now >= self._aside:
            self._sort(now)
        indexes = self._indexes
        if tried:
            indexes = tuple(index for index in indexes if not tried >> index & 1)
            bounds = tuple(accumulate(self.keys[index].weight for index in indexes))
        else:
            bounds = self._bounds
        if not indexes:
            return self._first_back(tried)
        if len(indexes) == 1:
            return indexes[0]
        return indexes[min(bisect(bounds, random.random() * bounds[-1]), len(indexes) - 1)]

    def has_another(self, now: float, *, tried: int) -> bool:
        """Whether a key is in use that this call has not tried."""
        if now >= self._aside:
            self._sort(now)
        return any(not tried >> index & 1 for index in self._indexes)

    def succeeded(self, index: int, *, began: float) -> None:
        """The provider took the key, for an attempt that began then: before it was set aside says nothing."""
        state = self._states[index]
        if (state.refusals or state.until) and began > state.since:
            state.refusals, state.until, state.reason = 0, 0.0, ""
            self._sort()

    def failed(self, index: int, error: UpstreamError, now: float) -> bool:
        """Set the key aside if the error is its fault; True when it was.

        401, 402, 403: five minutes, doubled each time, an hour at most. 429: as long as `Retry-After`
        says, or a minute when the quota is spent; a 429 that says neither is no key's fault.
        """
        status = error.upstream_status
        state = self._states[index]
        if status in {401, 402, 403}:
            if state.until > now:
                # Attempts that were under way together count once; an older ring may have seen it first.
                self._sort(now)
                return True
            seconds = min(REFUSED_FOR * 2.0 ** min(state.refusals, 16), REFUSED_AT_MOST)
            state.refusals += 1
            reason = str(status)
        elif status == 429:
            spent = quota_spent(error)
            if spent is None and error.retry_after is None:
                return False
            seconds = LIMITED_FOR if error.retry_after is None else min(error.retry_after, REFUSED_AT_MOST)
            reason = f"429 {spent}" if spent else "429"
        else:
            return False
        state.until = max(state.until, now + seconds)
        state.since = now
        state.reason = reason
        self._sort(now)
        return True

    def back_at(self) -> float:
        """When the first key that is aside comes back; infinity when none is aside."""
        return self._aside

    def aside(self, now: float) -> tuple[str, ...]:
        """For the report: `backup: 401`."""
        return tuple(
            f"{key.name}: {state.reason}"
            for key, state in zip(self.keys, self._states, strict=True)
            if state.until > now
        )

    def _first_back(self, tried: int) -> int:
        every = range(len(self.keys))
        left = [index for index in every if not tried >> index & 1] or every
        return min(left, key=lambda index: (self._states[index].until, index))

    def _sort(self, now: float | None = None) -> None:
        """Work out which keys are in use, and until when that holds."""
        for state in self._states:
            if now is not None and state.until <= now:
                state.until = 0.0
        self._indexes = tuple(
            index for index, state in enumerate(self._states) if not state.until and self.keys[index].weight > 0.0
        )
        self._bounds = tuple(accumulate(self.keys[index].weight for index in self._indexes))
        self._aside = min((state.until for state in self._states if state.until), default=math.inf)
