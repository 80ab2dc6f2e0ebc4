"""Which notifications are due: grouping, waiting, repetition, silences and inhibition. Pure: no clock, no store.

A group is what a channel is told of together: alerts alike in the policy's labels. It is told `wait` after its first
alert fires, `interval` after the last time when something changed, and `repeat` after it when nothing did; once all of
its alerts are resolved it is told so, and forgotten. An alert that is silenced or inhibited is in no group; one that
was told of before stays as it was told until it ends.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from penstock.alerts.rules.measure import SECOND
from penstock.alerts.rules.state import active
from penstock.alerts.store.notifications import GroupRow
from penstock.alerts.types import AlertPolicy, Inhibition, Matcher, SeriesState, Silence
from penstock.wire.checks import compile_pattern

__all__ = ["Known", "Muting", "Plan", "Send", "matches", "plan"]


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """An alert, with whom it tells."""

    state: SeriesState
    channels: list[str]
    """Ids."""
    runbook: str | None

    @property
    def key(self) -> str:
        return f"{self.state.rule}/{self.state.series}"


class Send(msgspec.Struct, frozen=True, kw_only=True):
    """A notification that is due."""

    group: GroupRow
    firing: list[SeriesState]
    resolved: list[SeriesState]


class Plan(msgspec.Struct, kw_only=True):
    sends: list[Send] = []
    put: list[GroupRow] = []
    remove: list[str] = []


class Muting:
    """Which alerts tell nobody now.

    Args:
        states: All alerts.
        silences: Those that are active now.
        policies: By project.
    """

    def __init__(
        self, states: Iterable[SeriesState], silences: Sequence[Silence], policies: Mapping[str, AlertPolicy]
    ) -> None:
        self._silences = silences
        self._policies = policies
        self._firing: dict[str, list[SeriesState]] = {}
        for state in states:
            if active(state):
                self._firing.setdefault(state.project, []).append(state)

    def silence(self, state: SeriesState) -> str | None:
        """Id of the silence that holds for an alert."""
        for one in self._silences:
            if one.project == state.project and matches(one.matchers, state.labels):
                return one.id
        return None

    def inhibited(self, state: SeriesState) -> bool:
        """Whether another alert that fires makes this one superfluous."""
        policy = self._policies.get(state.project)
        if policy is None:
            return False
        firing = self._firing.get(state.project, [])
        return any(_inhibits(rule, source, state) for rule in policy.inhibitions for source in firing)


def plan(
    alerts: Sequence[Known],
    groups: Iterable[GroupRow],
    *,
    policies: Mapping[str, AlertPolicy],
    muting: Muting,
    now: int,
) -> Plan:
    """What is to be sent, and how the groups stand afterwards.

    Args:
        alerts: All of them, whatever their state.
        groups: As they stood.
        policies: By project; one that is not there has the default.
        muting: What tells nobody.
        now: Microseconds.
    """
    rows = {row.id: row for row in groups}
    members: dict[str, dict[str, SeriesState]] = {}
    muted: set[str] = set()
    states = {alert.key: alert.state for alert in alerts}
    for alert in alerts:
        if not active(alert.state):
            continue
        if muting.silence(alert.state) is not None or muting.inhibited(alert.state):
            muted.add(alert.key)
            continue
        policy = policies.get(alert.state.project, DEFAULT)
        labels = {name: alert.state.labels.get(name, "") for name in policy.group_by}
        for channel in alert.channels:
            row = _row(alert.state.project, channel, labels, due=now + policy.wait * SECOND)
            rows.setdefault(row.id, row)
            members.setdefault(row.id, {})[alert.key] = alert.state
    made = Plan()
    for row in rows.values():
        policy = policies.get(row.project, DEFAULT)
        _group(made, row, members.get(row.id, {}), states=states, muted=muted, policy=policy, now=now)
    return made


def matches(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether all matchers hold of an alert's labels."""
    return all(_holds(matcher, labels.get(matcher.label, "")) for matcher in matchers)


DEFAULT = AlertPolicy()


def _group(
    made: Plan,
    row: GroupRow,
    firing: Mapping[str, SeriesState],
    *,
    states: Mapping[str, SeriesState],
    muted: set[str],
    policy: AlertPolicy,
    now: int,
) -> None:
    told = row.told
    kept = {key: state for key, state in told.items() if key in muted}
    resolved = [_ended(states.get(key), state) for key, state in told.items() if key not in firing and key not in muted]
    fresh = [key for key in firing if key not in told]
    if not firing and not told:
        # It fired and ended within the wait: nobody was told, nobody is.
        made.remove.append(row.id)
        return
    changed = bool(fresh or resolved)
    repeat = bool(firing) and row.last_sent is not None and now - row.last_sent >= policy.repeat * SECOND
    if (changed and now >= row.due) or repeat:
        made.sends.append(Send(group=row, firing=list(firing.values()), resolved=resolved))
        after = {**kept, **firing}
        if not after:
            made.remove.append(row.id)
            return
        due = now + policy.interval * SECOND
        made.put.append(msgspec.structs.replace(row, told=after, last_sent=now, due=due))
    elif row.last_sent is None and not told:
        made.put.append(row)


def _ended(now: SeriesState | None, told: SeriesState) -> SeriesState:
    """The alert as resolved; of a rule that was deleted or asks something else now, out of what was told."""
    if now is not None:
        return now
    reason = "its rule was deleted, or asks something else now"
    return msgspec.structs.replace(told, state="resolved", firing_since=None, reason=reason)


def _row(project: str, channel: str, labels: dict[str, str], *, due: int) -> GroupRow:
    name = msgspec.json.encode([project, channel, sorted(labels.items())])
    id_ = hashlib.blake2b(name, digest_size=16).hexdigest()
    return GroupRow(id=id_, project=project, channel=channel, labels=labels, due=due)


def _inhibits(rule: Inhibition, source: SeriesState, target: SeriesState) -> bool:
    same = source.rule == target.rule and source.series == target.series
    return (
        not same
        and matches(rule.source, source.labels)
        and matches(rule.target, target.labels)
        # What is both would silence its like, and be silenced by it.
        and not (matches(rule.target, source.labels) and matches(rule.source, target.labels))
        and all(source.labels.get(label, "") == target.labels.get(label, "") for label in rule.equal)
    )


def _holds(matcher: Matcher, value: str) -> bool:
    if matcher.op in {"=", "!="}:
        return (value == matcher.value) == (matcher.op == "=")
    found = compile_pattern(f"^(?:{matcher.value})$").search(value) is not None
    return found == (matcher.op == "=~")
