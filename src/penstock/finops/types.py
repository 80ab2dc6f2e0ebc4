"""Records of spending, rates and savings that the control API answers with.

Times are microseconds since the epoch, durations microseconds, money nano-dollars.
"""

from typing import Literal

import msgspec

from penstock.wire.limits import Level, Measure
from penstock.wire.limits import Window as CountingWindow

__all__ = [
    "BudgetPage",
    "BudgetUse",
    "CacheLive",
    "CachePoint",
    "CacheTotals",
    "CacheUse",
    "Forecast",
    "LimitUse",
    "Mismatch",
    "RateUse",
    "Reconciliation",
    "RouteCache",
    "SpendLine",
    "SpendPoint",
    "Spender",
    "Spenders",
    "Who",
]

BudgetWindow = Literal["hour", "day", "month"]


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a counter counts."""

    level: Level
    id: str
    """Project id, key id, the hash that stands for an end user in the records, `NAME=VALUE` of a tag; empty for the
    organisation."""
    name: str
    """Of a project or key its name; otherwise as `id`."""


class SpendPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a burn-down."""

    t: int
    """End of the step, or now."""
    spent: int
    """In the step."""
    total: int
    """Since the window began."""


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What will have been spent when the window ends."""

    method: Literal["linear", "seasonal"]
    explanation: str
    """The method in one sentence."""
    expected: int
    low: int | None
    """With `high` the interval; null while too little of the window has passed to tell."""
    high: int | None
    confidence: float
    """How often the interval is to hold what comes, 0 to 1."""
    reaches_soft: int | None
    """When the soft limit is reached at this pace; null: not in this window, or already, or there is none."""
    reaches_hard: int | None


class Spender(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    """Of a project and key the id, of an end user the hash; otherwise the name."""
    name: str
    cost: int
    calls: int
    """Of a model, requests to it."""


class Spenders(msgspec.Struct, frozen=True, kw_only=True):
    """Who spends most within one counter and window, the ten largest of each kind."""

    projects: list[Spender]
    """Only of what counts several projects."""
    keys: list[Spender]
    models: list[Spender]
    routes: list[Spender]
    users: list[Spender]


class SpendLine(msgspec.Struct, frozen=True, kw_only=True):
    """What one counter of a budget has spent in the current window, from the records."""

    counter: str
    who: Who
    spent: int
    unknown: int
    """Requests to a model whose cost is unknown; `spent` does not count them."""
    share: float | None
    """Of the hard limit, or of the soft one where there is no hard one; 1 is all of it."""
    state: Literal["within", "soft", "hard"]
    series: list[SpendPoint]
    forecast: Forecast
    spenders: Spenders | None
    """Of the chosen line of each budget, when one limit is asked for."""


class BudgetUse(msgspec.Struct, frozen=True, kw_only=True):
    """One budget of a limit in its current window."""

    window: BudgetWindow
    start: int
    end: int
    hard: int | None
    soft: int | None
    spent: int
    """Of all its counters together."""
    counters: int
    """How many have spent anything; `lines` has the largest."""
    lines: list[SpendLine]


class RateUse(msgspec.Struct, frozen=True, kw_only=True):
    """How near a bound on requests, tokens or parallel calls was."""

    measure: Measure
    window: CountingWindow
    hard: int
    peak: int
    """The largest that one counter had in the last hour; of a day's window, in the last 24 hours. Refused calls
    are not in it."""
    share: float
    """Of `hard`."""
    at: int | None
    """When the busiest second or minute began, or the last of the parallel calls; null for a day and without calls."""
    who: Who | None


class LimitUse(msgspec.Struct, frozen=True, kw_only=True):
    """A limit with what is used of it."""

    name: str
    level: Level
    match: list[str]
    """Ids, users or tags that it is for; empty: each by itself."""
    project: str | None
    """Project id; only its calls. Null: all."""
    source: Literal["file", "api"]
    shared: bool
    """One counter may count calls of several projects; shown to those who may read limits in all projects."""
    budgets: list[BudgetUse]
    rates: list[RateUse]


class BudgetPage(msgspec.Struct, frozen=True, kw_only=True):
    """Limits that hold in the request's project, by name."""

    at: int
    items: list[LimitUse]
    next_cursor: str | None


class CacheTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that asked the cache, and what became of them."""

    asked: int
    hits: int
    joined: int
    """Answered with an identical call in flight."""
    misses: int
    hit_rate: float | None
    """Hits and joined calls of those that asked, 0 to 1; null when none did."""
    saved: int
    """Nano-dollars that hits and joined calls would have cost, as far as it is known."""
    saved_unknown: int
    """Hits and joined calls whose saving is unknown."""


class CachePoint(CacheTotals, frozen=True, kw_only=True):
    t: int
    """Start of the step."""


class RouteCache(CacheTotals, frozen=True, kw_only=True):
    route: str


class CacheLive(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway holds now, of all projects."""

    workers: int
    """Those that report."""
    entries: int
    bytes: int
    shared: bool
    """True: in Redis, for all workers; otherwise each worker has its own."""


class CacheUse(msgspec.Struct, frozen=True, kw_only=True):
    from_: int = msgspec.field(name="from")
    to: int
    step: int
    totals: CacheTotals
    series: list[CachePoint]
    routes: list[RouteCache]
    """The one that saved most first."""
    live: CacheLive


class Mismatch(msgspec.Struct, frozen=True, kw_only=True):
    """A budget's counter beside the records of its window."""

    counter: str
    limit: str
    who: Who
    window: BudgetWindow
    start: int
    counted: int
    """What the gateway's counter says."""
    recorded: int
    """Sum of the recorded costs: of the span store, and of the journal that it has not taken in yet."""
    difference: int
    """`counted` less `recorded`."""
    state: Literal["equal", "differs", "moving"]
    """`moving`: the difference changed while it was looked at, because calls are on their way."""


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of all budgets in their current windows against the records."""

    at: int
    source: Literal["redis", "worker", "log"]
    """Where the counters were read: in Redis, from the report of the one worker that counts in its memory, or, while
    none runs, from the log that the next one begins with."""
    items: list[Mismatch]
    """Those that differ first."""
    equal: bool
    settled: bool
    """False: some were moving; ask again when fewer calls are in flight."""
    truncated: bool
    """True: the worker holds more counters than it reports; only the largest are compared."""
    fixed: int
    """Counters that were put right by this request."""
    unfixable: str | None
    """Why differences could not be put right."""
