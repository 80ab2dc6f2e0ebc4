"""What this process has booked in windows that are not over: the part of a counter that must survive."""

from penstock.store.counters.windows import DAY, bounds, kind_of

__all__ = ["Entry", "Ledger", "is_current", "is_durable"]

Entry = tuple[str, int, int]
"""Counter, start of its window, amount."""


def is_durable(measure: str, window: str) -> bool:
    """Whether a counter outlives the process: money, and tokens per day."""
    return measure == "money" or (measure == "tokens" and window == "day")


def is_current(counter: str, start: int, now: int) -> bool:
    """Whether an amount booked in the window that began at `start` still counts."""
    measure, window = kind_of(counter)
    latest = bounds(window, now)[0]
    return start >= (latest if measure == "money" else latest - DAY)


class Ledger:
    """Amounts by counter and start of window; only what this process booked, since its start."""

    def __init__(self) -> None:
        self._amounts: dict[tuple[str, int], int] = {}
        self._changed: set[tuple[str, int]] = set()

    @property
    def empty(self) -> bool:
        return not self._amounts

    def book(self, counter: str, start: int, amount: int) -> None:
        if amount:
            place = (counter, start)
            self._amounts[place] = self._amounts.get(place, 0) + amount
            self._changed.add(place)

    def take_changes(self) -> list[Entry]:
        """What changed since the last time, with its whole amount."""
        changed = [(counter, start, self._amounts.get((counter, start), 0)) for counter, start in self._changed]
        self._changed.clear()
        return changed

    def entries(self, now: int) -> list[Entry]:
        """All that still counts."""
        return [
            (counter, start, amount)
            for (counter, start), amount in self._amounts.items()
            if is_current(counter, start, now)
        ]

    def prune(self, now: int) -> None:
        """Drop what is over and has been written."""
        over = [
            place for place in self._amounts if place not in self._changed and not is_current(place[0], place[1], now)
        ]
        for place in over:
            del self._amounts[place]
