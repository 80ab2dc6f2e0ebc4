"""What a worker knows of its targets, keys and retries; it outlives the snapshots that name them."""

from collections.abc import Iterable, Mapping, Sequence

from penstock.core.clock import Clock
from penstock.gateway.routing.health import TargetHealth
from penstock.gateway.routing.keys import Key, KeyRing, KeyState
from penstock.gateway.routing.retries import RetryBudget
from penstock.wire.routing import Retries
from penstock.wire.snapshot import ProviderEntry
from penstock.wire.status import TargetReport

__all__ = ["Health"]

MAX_TARGETS = 5000
"""Callers may name models freely, so what they name is bounded; the least recently used go first."""
MAX_REPORTED = 200
REPORTED_FOR = 3600.0
"""Seconds after its last attempt that a healthy target is still reported."""

TargetKey = tuple[str, str, str]


class Health:
    """Lives as long as its worker.

    A target is a provider's name, its address and a model: the same name at another address starts
    afresh. A new snapshot asks for what it names, and `retain` drops what no snapshot names any more.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._targets: dict[TargetKey, TargetHealth] = {}
        self._states: dict[tuple[str, str, str], KeyState] = {}
        self._rings: dict[str, KeyRing] = {}
        self._budgets: dict[str, RetryBudget] = {}

    def target(self, provider: ProviderEntry, model: str) -> TargetHealth:
        """The health of one model at one provider, under the provider's current settings."""
        key = (provider.name, provider.base_url, model)
        found = self._targets.get(key)
        if found is None:
            if len(self._targets) >= MAX_TARGETS:
                self._make_room()
            found = TargetHealth(f"{provider.name}/{model}", provider.breaker, clock=self._clock)
            self._targets[key] = found
        elif found.breaker is not provider.breaker:
            found.breaker = provider.breaker
        return found

    def ring(self, provider: str, keys: Sequence[Key]) -> KeyRing:
        """The provider's keys; one that stays the same keeps its state, a new secret starts afresh."""
        known = self._rings.get(provider)
        if known is not None and known.keys == tuple(keys):
            return known
        states = [self._states.setdefault((provider, key.name, key.fingerprint), KeyState()) for key in keys]
        ring = self._rings[provider] = KeyRing(keys, states)
        return ring

    def budget(self, route: str, retries: Retries) -> RetryBudget:
        """The retry budget of one route."""
        found = self._budgets.get(route)
        if found is None:
            found = self._budgets[route] = RetryBudget(retries.budget, now=self._clock.monotonic())
        found.share = retries.budget
        return found

    def retain(self, providers: Mapping[str, ProviderEntry], routes: Iterable[str]) -> None:
        """Drop what a new snapshot does not name; targets in use stay until a later call finds them idle."""
        for key, found in list(self._targets.items()):
            entry = providers.get(key[0])
            if (entry is None or entry.base_url != key[1]) and not found.in_flight:
                del self._targets[key]
        for provider in self._rings.keys() - providers.keys():
            del self._rings[provider]
        current = {(provider, key.name, key.fingerprint) for provider, ring in self._rings.items() for key in ring.keys}
        for known in self._states.keys() - current:
            del self._states[known]
        for route in self._budgets.keys() - set(routes):
            del self._budgets[route]

    def reports(self, now: float) -> tuple[TargetReport, ...]:
        """Targets that are out, or were called in the last hour, by name; at most 200, the latest used first."""
        latest = sorted(self._targets.items(), key=lambda item: -item[1].used)
        found: dict[str, TargetReport] = {}
        for (provider, _, _), health in latest:
            if len(found) >= MAX_REPORTED:
                break
            if health.target in found or (health.used < now - REPORTED_FOR and health.share(now) >= 1.0):
                continue
            ring = self._rings.get(provider)
            found[health.target] = health.report(now, keys_aside=ring.aside(now) if ring is not None else ())
        return tuple(found[target] for target in sorted(found))

    def _make_room(self) -> None:
        """Drop a tenth: the idle that were not used for longest."""
        idle = sorted(
            ((found.used, key) for key, found in self._targets.items() if not found.in_flight), key=lambda item: item[0]
        )
        for _, key in idle[: MAX_TARGETS // 10]:
            del self._targets[key]
