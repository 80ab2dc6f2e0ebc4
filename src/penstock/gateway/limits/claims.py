"""Which claims a call makes: the limits of a snapshot, compiled once."""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from penstock.wire.limits import Claim, Level, LimitEntry, Measure, Window, counter_scope

__all__ = ["Limiter", "hash_user"]

MAX_PLANS = 10_000
"""Keys whose claims are kept compiled; far more than a gateway sees within minutes."""
LEVELS: tuple[Level, ...] = ("organisation", "project", "key", "user", "tag")
NO_TAGS: dict[str, str] = {}


def hash_user(user: str, salt: bytes) -> str:
    """The keyed hash that stands for an end user in spans and counters (BLAKE2b-128, hex)."""
    return hashlib.blake2b(user.encode(), key=salt, digest_size=16).hexdigest()


class _Part(msgspec.Struct, frozen=True):
    """One bound of one limit, before it is known whom it counts."""

    measure: Measure
    window: Window
    hard: int | None
    soft: int | None
    limit: str

    def claim(self, whose: str, amount: int) -> Claim:
        return Claim(
            f"{whose}/{self.measure}/{self.window}", self.measure, self.window, amount, self.hard, self.soft, self.limit
        )


class _Compiled(msgspec.Struct, frozen=True):
    """A limit with its bounds, and whom it is for."""

    entry: LimitEntry
    parts: tuple[_Part, ...]
    match: str | None
    """As `LimitEntry.match`; of a user, the hash; of a tag, its value, None for any."""
    scope: str
    """What the ids of its counters begin with."""
    tag: str = ""
    """Name of the tag."""

    def of_project(self, project: str) -> bool:
        return self.entry.project is None or self.entry.project == project


class _Plan(msgspec.Struct, frozen=True):
    """What is known of the claims when project and key are."""

    ready: tuple[Claim, ...]
    """Organisation, project and key; the amounts of tokens and money stand empty."""
    empty: tuple[int, ...]
    """Indexes of those in `ready`."""
    users: tuple[_Compiled, ...]
    tags: tuple[_Compiled, ...]


class Limiter:
    """The limits of one snapshot.

    Args:
        limits: As the snapshot has them.
        salt: Key of `hash_user`, to recognise a user whom a limit names.
    """

    def __init__(self, limits: Sequence[LimitEntry], *, salt: bytes = b"") -> None:
        compiled = [_compile(entry, salt) for entry in sorted(limits, key=lambda entry: LEVELS.index(entry.level))]
        self._fixed = [one for one in compiled if one.entry.level in ("organisation", "project", "key")]
        self._users = [one for one in compiled if one.entry.level == "user"]
        self._tags = [one for one in compiled if one.entry.level == "tag"]
        self._plans: dict[tuple[str, str], _Plan] = {}
        self._durable = Limiter._durable_part(limits, salt) if limits else None

    @staticmethod
    def _durable_part(limits: Sequence[LimitEntry], salt: bytes) -> "Limiter | None":
        kept = [
            LimitEntry(
                name=entry.name,
                level=entry.level,
                match=entry.match,
                project=entry.project,
                tokens_per_day=entry.tokens_per_day,
                budgets=entry.budgets,
            )
            for entry in limits
            if entry.tokens_per_day is not None or entry.budgets
        ]
        if len(kept) == len(limits) and kept == list(limits):
            return None
        return Limiter(kept, salt=salt)

    def claims(
        self,
        project: str,
        key: str | None,
        *,
        user: str | None = None,
        tags: Mapping[str, str] = NO_TAGS,
        tokens: int = 0,
        money: int = 0,
    ) -> tuple[Claim, ...]:
        """What a call borrows, from the widest level to the narrowest.

        Args:
            project: Project id.
            key: Id of the virtual key.
            user: Hash of the end user (`hash_user`).
            tags: Of the call.
            tokens: Estimate of input and output together.
            money: Estimate, nano-dollars; 0 when no price is known.
        """
        plan = self._plans.get((project, key or "")) or self._plan(project, key or "")
        users = plan.users if user is not None else ()
        tagged = plan.tags if tags else ()
        if not plan.empty and not users and not tagged:
            return plan.ready
        claims = list(plan.ready)
        for index in plan.empty:
            bare = claims[index]
            claims[index] = Claim(
                bare.counter,
                bare.measure,
                bare.window,
                money if bare.measure == "money" else tokens,
                bare.hard,
                bare.soft,
                bare.limit,
            )
        for one in users:
            if one.match is None or one.match == user:
                _claim(claims, one, f"{one.scope}/user:{user}", tokens=tokens, money=money)
        for one in tagged:
            value = tags.get(one.tag)
            if value is not None and (one.match is None or one.match == value):
                _claim(claims, one, f"{one.scope}/tag:{one.tag}={value}", tokens=tokens, money=money)
        return tuple(claims)

    def spent(
        self,
        *,
        project: str,
        key: str | None,
        user: str | None,
        tags: Mapping[str, str],
        tokens: int,
        cost: int | None,
    ) -> list[tuple[str, int]]:
        """The counters that survive a restart, and what one recorded span adds to each: money, and tokens per day.

        Takes the columns of a span (`user` is hashed there already); `tokens` is the sum of its usage.
        """
        durable = self._durable or self
        claims = durable.claims(project, key, user=user, tags=tags, tokens=tokens, money=cost or 0)
        return [(claim.counter, claim.amount) for claim in claims if claim.amount]

    def _plan(self, project: str, key: str) -> _Plan:
        if len(self._plans) >= MAX_PLANS:
            self._plans.clear()
        ready: list[Claim] = []
        for one in self._fixed:
            whose = _whose(one.entry, project, key)
            if one.of_project(project) and whose is not None:
                _claim(ready, one, f"{one.scope}/{whose}", tokens=0, money=0)
        plan = _Plan(
            tuple(ready),
            tuple(index for index, claim in enumerate(ready) if claim.measure in ("tokens", "money")),
            tuple(one for one in self._users if one.of_project(project)),
            tuple(one for one in self._tags if one.of_project(project)),
        )
        self._plans[project, key] = plan
        return plan


def _whose(entry: LimitEntry, project: str, key: str) -> str | None:
    """Whom a limit above the end user counts; None when it is not for this call."""
    if entry.level == "organisation":
        return "organisation"
    own = project if entry.level == "project" else key
    if not own or entry.match not in (None, own):
        return None
    return f"{entry.level}:{own}"


def _claim(claims: list[Claim], one: _Compiled, whose: str, *, tokens: int, money: int) -> None:
    for part in one.parts:
        measure = part.measure
        claims.append(part.claim(whose, money if measure == "money" else tokens if measure == "tokens" else 1))


def _compile(entry: LimitEntry, salt: bytes) -> _Compiled:
    bounds: list[tuple[Measure, Window, int | None]] = [
        ("requests", "second", entry.requests_per_second),
        ("requests", "minute", entry.requests_per_minute),
        ("requests", "day", entry.requests_per_day),
        ("tokens", "minute", entry.tokens_per_minute),
        ("tokens", "day", entry.tokens_per_day),
        ("parallel", "now", entry.parallel),
    ]
    parts = [_Part(measure, window, hard, None, entry.name) for measure, window, hard in bounds if hard is not None]
    parts += [_Part("money", budget.window, budget.hard, budget.soft, entry.name) for budget in entry.budgets]
    match, tag = entry.match, ""
    if entry.level == "user" and match is not None:
        match = hash_user(match, salt)
    elif entry.level == "tag":
        tag, equals, value = (match or "").partition("=")
        match = value if equals else None
    return _Compiled(entry, tuple(parts), match, counter_scope(entry), tag)
