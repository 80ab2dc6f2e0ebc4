"""Incidents as people open, work on and read them."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from penstock.alerts.context import Context, check_limit, check_text
from penstock.alerts.incidents.postmortem import render
from penstock.alerts.incidents.types import (
    EventKind,
    Incident,
    IncidentChange,
    IncidentEvent,
    IncidentSeverity,
    IncidentState,
    IncidentStep,
    IncidentView,
    NewIncident,
    NewNote,
    NewPostmortem,
    Postmortem,
)
from penstock.alerts.ports import Changes, Examples
from penstock.alerts.rules.check import check_runbook, check_steps
from penstock.alerts.rules.measure import SECOND
from penstock.alerts.store import incidents as store
from penstock.alerts.store import postmortems, rules
from penstock.alerts.types import AlertTransition, SeriesState
from penstock.core.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from penstock.identity.types import Principal

__all__ = ["Incidents"]

BEFORE: Final = 2 * 3600 * SECOND
"""How long before an incident changes and alerts are looked for."""
OLDEST: Final = 30 * 24 * 3600 * SECOND
MAX_EVENTS: Final = 500
MAX_EXAMPLES: Final = 5
MAX_POSTMORTEM: Final = 100_000
ORDER: Final[tuple[IncidentState, ...]] = ("open", "acknowledged", "mitigated", "resolved")
TRACE: Final = re.compile(r"[0-9a-f]{32}\Z")
SYSTEM_NAME: Final = "penstock"


class Incidents:
    """All incidents. Methods block.

    Args:
        context: Shared dependencies.
        changes: What people changed.
        examples: Traces that show what an alert saw.
        console: The console's address, for links.
    """

    def __init__(self, context: Context, *, changes: Changes, examples: Examples, console: Callable[[], str]) -> None:
        self._context = context
        self._changes = changes
        self._examples = examples
        self._console = console

    def everything(
        self, project: str, *, state: IncidentState | None = None, cursor: int | None = None, limit: int = 50
    ) -> list[Incident]:
        """Newest first."""
        check_limit(limit)
        with self._context.metadata.read() as connection:
            return store.everything(connection, project=project, state=state, before=cursor, limit=limit)

    def view(self, project: str, id_: str) -> IncidentView:
        """An incident with its timeline: its own events, alerts that fired or ended meanwhile, and changes.

        Raises:
            NotFound: there is none in this project.
        """
        with self._context.metadata.read() as connection:
            incident = _found(connection, id_, project=project)
            events = store.events(connection, id_)
            # The last transitions arrive a little after it was resolved.
            end = self._context.clock.now() + 1 if incident.resolved is None else incident.resolved + 60 * SECOND
            from_ = incident.opened - BEFORE
            alerts = rules.transitions(connection, project=project, from_=from_, to=end, limit=MAX_EVENTS)
        told = {event.data.get("id") for event in events if event.kind == "alert"}
        events += [_alert_event(one) for one in alerts if _telling(one) and one.id not in told]
        for index, change in enumerate(self._changes(project, from_, end)):
            events.append(
                IncidentEvent(
                    id=f"change-{index}", at=change.at, kind="change", by=change.by, text=change.what, data=change.data
                )
            )
        events.sort(key=lambda event: (event.at, event.id))
        traces = [str(event.data["trace_id"]) for event in events if event.kind == "trace"]
        return IncidentView(incident=incident, timeline=events, traces=traces)

    def create(self, actor: Principal, project: str, new: NewIncident) -> Incident:
        """Open one by hand. Raises `InvalidInput`."""
        now = self._context.clock.now()
        check_text(new.title, field="title", least=1, most=200)
        check_text(new.summary, field="summary", most=10_000)
        check_text(new.owner or "", field="owner", most=100)
        check_runbook(new.runbook)
        check_steps(new.steps)
        began = now if new.began is None else new.began
        if not now - OLDEST <= began <= now:
            raise InvalidInput("Expected `began` within the last 30 days.", field="began")
        with self._context.metadata.write() as connection:
            incident = Incident(
                id=self._context.ids.uuid7(),
                project=project,
                number=store.next_number(connection, project),
                title=new.title,
                state="open",
                severity=new.severity,
                owner=new.owner or None,
                summary=new.summary,
                opened=began,
                opened_by=actor.name,
                acknowledged=None,
                mitigated=None,
                resolved=None,
                rule=None,
                series=None,
                labels={},
                runbook=new.runbook,
                steps=[IncidentStep(text=text) for text in new.steps],
            )
            store.insert(connection, incident)
            self._note(connection, incident, "opened", by=actor.name, text=f"Opened: {new.title}", at=began)
            self._context.audit(connection, actor, action="incident.create", on=incident.id, project=project)
        return incident

    def open_for(
        self,
        connection: Connection,
        state: SeriesState,
        fired: AlertTransition,
        *,
        severity: IncidentSeverity,
        runbook: str | None,
        steps: Sequence[str],
        traces: Sequence[str],
    ) -> None:
        """An alert fires: open its incident, or note it in the one that is not resolved yet. In the caller's
        transaction.
        """
        known = store.unresolved(connection, rule=state.rule, series=state.series)
        if known is not None:
            self._alert(connection, known, fired)
            return
        incident = Incident(
            id=self._context.ids.uuid7(),
            project=state.project,
            number=store.next_number(connection, state.project),
            title=_title(state),
            state="open",
            severity=severity,
            owner=None,
            summary="",
            opened=fired.at,
            opened_by=SYSTEM_NAME,
            acknowledged=None,
            mitigated=None,
            resolved=None,
            rule=state.rule,
            series=state.series,
            labels=state.labels,
            runbook=runbook,
            steps=[IncidentStep(text=text) for text in steps],
        )
        store.insert(connection, incident)
        self._note(connection, incident, "opened", by=SYSTEM_NAME, text=f"Opened by the alert {state.name}")
        self._alert(connection, incident, fired)
        for trace in traces:
            data = {"trace_id": trace}
            self._note(connection, incident, "trace", by=SYSTEM_NAME, text=f"Example trace {trace}", data=data)

    def ended(self, connection: Connection, state: SeriesState, transition: AlertTransition) -> None:
        """An alert is resolved: note it. The incident itself is resolved by a person."""
        known = store.unresolved(connection, rule=state.rule, series=state.series)
        if known is not None:
            self._alert(connection, known, transition)

    def change(self, actor: Principal, project: str, id_: str, change: IncidentChange) -> Incident:
        """Change what is not null. Going back to an earlier state takes back the times of the later ones.

        Raises:
            NotFound, InvalidInput.
        """
        now = self._context.clock.now()
        for field, most in (("title", 200), ("summary", 10_000), ("owner", 100)):
            text: str | None = getattr(change, field)
            if text is not None:
                check_text(text, field=field, least=int(field == "title"), most=most)
        with self._context.metadata.write() as connection:
            before = _found(connection, id_, project=project)
            given = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not None}
            if given.get("owner") == "":
                given["owner"] = None
            if change.state is not None:
                given |= _times(before, change.state, now)
            after = msgspec.structs.replace(before, **given)
            store.replace(connection, after)
            kinds: tuple[EventKind, ...] = ("state", "severity", "owner", "title")
            for kind in kinds:
                old, new = getattr(before, kind), getattr(after, kind)
                if old != new:
                    text = f"{kind.capitalize()}: {new or 'nobody'} (was {old or 'nobody'})"
                    self._note(connection, after, kind, by=actor.name, text=text)
            if before != after:
                self._context.audit(connection, actor, action="incident.update", on=id_, project=project, **given)
        return after

    def note(self, actor: Principal, project: str, id_: str, new: NewNote) -> IncidentEvent:
        """Add to the timeline. Raises `NotFound`, `InvalidInput`."""
        check_text(new.text, field="text", least=1, most=10_000)
        if new.trace_id is not None and TRACE.fullmatch(new.trace_id) is None:
            raise InvalidInput("Expected `trace_id` with 32 hex digits.", field="trace_id")
        with self._context.metadata.write() as connection:
            incident = _found(connection, id_, project=project)
            if len(store.events(connection, id_)) >= MAX_EVENTS:
                raise Conflict(f"An incident has at most {MAX_EVENTS} events.", code="too_many_notes")
            kind: EventKind = "note" if new.trace_id is None else "trace"
            data = {} if new.trace_id is None else {"trace_id": new.trace_id}
            return self._note(connection, incident, kind, by=actor.name, text=new.text, data=data)

    def tick(self, actor: Principal, project: str, id_: str, step: int, *, done: bool) -> Incident:
        """Tick off a step of the run book (from 0), or take that back. Raises `NotFound`."""
        with self._context.metadata.write() as connection:
            incident = _found(connection, id_, project=project)
            if not 0 <= step < len(incident.steps):
                raise NotFound(f"The incident has no step {step}.", code="step_not_found")
            before = incident.steps[step]
            if done == (before.done is not None):
                return incident
            by = actor.name if done else None
            after = IncidentStep(text=before.text, done=self._context.clock.now() if done else None, by=by)
            steps = [*incident.steps[:step], after, *incident.steps[step + 1 :]]
            incident = msgspec.structs.replace(incident, steps=steps)
            store.replace(connection, incident)
            text = f"{'Done' if done else 'Not done'}: {before.text}"
            self._note(connection, incident, "step", by=actor.name, text=text)
        return incident

    def postmortem(self, project: str, id_: str, *, version: int | None = None) -> Postmortem:
        """What is written about it.

        Args:
            project: Whose incident.
            id_: Which.
            version: Which text; 0 is the draft with the facts as of now. None: the last, or the draft if there is none.

        Raises:
            NotFound: there is no such incident, or no such version.
        """
        if version != 0:
            with self._context.metadata.read() as connection:
                _found(connection, id_, project=project)
                known = postmortems.get(connection, id_, version=version)
            if known is not None:
                return known
            if version is not None:
                raise NotFound(f"The post-mortem has no version {version}.", code="version_not_found")
        view = self.view(project, id_)
        text = render(view.incident, view.timeline, traces=view.traces, console=self._console())
        return Postmortem(markdown=text, version=0, saved=None, saved_by=None)

    def save_postmortem(
        self, actor: Principal, project: str, id_: str, new: NewPostmortem, *, expected: str | None = None
    ) -> Postmortem:
        """Write a text in the place of the last one, which stays under its version.

        Args:
            actor: Who does it.
            project: Whose incident.
            id_: Which.
            new: The text.
            expected: The version that the last text must have, `0` for none; `*` or None for any.

        Raises:
            NotFound: there is no such incident.
            InvalidInput: the text is empty, too long, or has control characters.
            PreconditionFailed: somebody else has written since.
        """
        check_text(new.markdown, field="markdown", least=1, most=MAX_POSTMORTEM)
        with self._context.metadata.write() as connection:
            incident = _found(connection, id_, project=project)
            last = postmortems.get(connection, id_)
            version = 0 if last is None else last.version
            if expected not in {None, "*", str(version)}:
                who = "" if last is None else f", written by {last.saved_by}"
                raise PreconditionFailed(
                    f"Version {expected} of the post-mortem was expected, and it is in version {version}{who}.",
                    hint="Read it again, and put your changes into what is there.",
                )
            if last is not None and last.markdown == new.markdown:
                return last
            written = Postmortem(
                markdown=new.markdown, version=version + 1, saved=self._context.clock.now(), saved_by=actor.name
            )
            postmortems.append(connection, id_, written)
            self._context.audit(
                connection,
                actor,
                action="incident.postmortem",
                on=id_,
                project=project,
                number=incident.number,
                version=written.version,
                characters=len(written.markdown),
            )
        return written

    def examples(self, transition: AlertTransition) -> list[str]:
        """Ids of traces that show what an alert saw."""
        found = self._examples(transition.project, transition.query, transition.from_, transition.to)
        return list(found[:MAX_EXAMPLES])

    def _alert(self, connection: Connection, incident: Incident, one: AlertTransition) -> None:
        event = _alert_event(one)
        self._note(connection, incident, "alert", by=event.by, text=event.text, data=event.data, at=event.at)

    def _note(
        self,
        connection: Connection,
        incident: Incident,
        kind: EventKind,
        *,
        by: str,
        text: str,
        data: dict[str, Any] | None = None,
        at: int | None = None,
    ) -> IncidentEvent:
        event = IncidentEvent(
            id=self._context.ids.uuid7(),
            at=self._context.clock.now() if at is None else at,
            kind=kind,
            by=by,
            text=text,
            data=data or {},
        )
        store.append(connection, incident.id, event)
        return event


def _times(before: Incident, state: IncidentState, now: int) -> dict[str, int | None]:
    """When each state was reached, after a change to `state`."""
    reached = ORDER.index(state)
    times: dict[str, int | None] = {}
    for place, name in enumerate(ORDER[1:], start=1):
        old: int | None = getattr(before, name)
        if place > reached:
            times[name] = None
        elif place == reached or name == "acknowledged":
            # Who resolves an incident has seen it; that it was mitigated before, nobody said.
            times[name] = now if old is None else old
    return times


def _telling(one: AlertTransition) -> bool:
    return one.after == "firing" or (one.after == "resolved" and one.before != "pending")


def _alert_event(one: AlertTransition) -> IncidentEvent:
    own = {name: value for name, value in one.labels.items() if name not in {"alert", "severity"}}
    group = f" ({', '.join(f'{name}={value}' for name, value in own.items())})" if own else ""
    text = f"Alert {one.name}{group}: {one.after}" + (f", {one.reason}" if one.reason else "")
    return IncidentEvent(id=one.id, at=one.at, kind="alert", by=SYSTEM_NAME, text=text, data=msgspec.to_builtins(one))


def _title(state: SeriesState) -> str:
    own = [value for name, value in state.labels.items() if name not in {"alert", "severity"} and value]
    return (f"{state.name}: {', '.join(own)}" if own else state.name)[:200]


def _found(connection: Connection, id_: str, *, project: str) -> Incident:
    incident = store.by_id(connection, id_, project=project)
    if incident is None:
        raise NotFound("There is no such incident, or not in this project.", code="incident_not_found")
    return incident
