"""Queues: items are given out, labelled, and told of."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from penstock.core.clock import Clock
from penstock.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from penstock.core.ids import Ids
from penstock.evals.annotation import store
from penstock.evals.annotation.agreement import agreement_of, disagree, golden_results, progress_of
from penstock.evals.annotation.questions import check_answers, check_kept, check_queue
from penstock.evals.annotation.sources import Sources
from penstock.evals.annotation.types import (
    AddItems,
    AnnotationItem,
    ItemLabel,
    LabelledItem,
    NewLabel,
    NewQueue,
    Only,
    Queue,
    QueueReport,
    Task,
)
from penstock.identity.types import Principal
from penstock.store.metadata import Metadata
from penstock.tracing.scores.types import NewScore
from penstock.wire.score import ScoreType
from penstock.wire.scoring import check_comment

__all__ = ["Annotation"]

BATCH: Final = 200
MOST_SKIPS: Final = 3
"""An item that so many people could not judge is given to nobody else."""
SECOND: Final = 1_000_000


class Annotation:
    """Queues of all projects. Methods block.

    Args:
        metadata: The open store.
        sources: Gives items.
        clock: Now.
        ids: Names queues and items.
    """

    def __init__(self, metadata: Metadata, sources: Sources, *, clock: Clock, ids: Ids) -> None:
        self._metadata = metadata
        self._sources = sources
        self._clock = clock
        self._ids = ids

    # --- queues -------------------------------------------------------------------------------

    def create(self, actor: Principal, project: str, new: NewQueue) -> Queue:
        """Make a queue.

        Raises:
            InvalidInput: people cannot be asked this.
            Conflict: `queue_exists`.
        """
        check_queue(new)
        id_ = self._ids.uuid7()
        values: dict[str, Any] = {
            **msgspec.to_builtins(new),
            "id": id_,
            "project": project,
            "created": self._clock.now(),
            "created_by": _annotator(actor),
        }
        try:
            with self._metadata.write() as connection:
                store.add_queue(connection, values)
        except IntegrityError as error:
            raise Conflict(f"There is a queue {new.name[:100]!r} already.", code="queue_exists") from error
        return self.get(project, id_)

    def get(self, project: str, which: str) -> Queue:
        """A queue by id or name. Raises `NotFound` (`queue_not_found`)."""
        with self._metadata.read() as connection:
            return _found(store.find_queue(connection, project, which), which)

    def listed(self, project: str, *, after: str | None = None, limit: int = 50) -> list[Queue]:
        """Queues by name, after one of them."""
        with self._metadata.read() as connection:
            return store.list_queues(connection, project, after=after, limit=limit)

    def replace(self, project: str, which: str, new: NewQueue) -> Queue:
        """Change a queue. Where annotators changed, items that wait are given to those who are named now.

        Raises:
            NotFound: there is no such queue.
            InvalidInput: people cannot be asked this, or answers that were given would not fit any more.
            Conflict: `queue_exists`: another one has this name.
        """
        check_queue(new)
        try:
            with self._metadata.write() as connection:
                queue = _found(store.find_queue(connection, project, which), which)
                if store.is_judged(connection, queue.id):
                    check_kept(queue.questions, new.questions)
                store.change_queue(connection, queue.id, msgspec.to_builtins(new))
                if new.annotators != queue.annotators:
                    _reassign(connection, queue.id, new.annotators)
        except IntegrityError as error:
            raise Conflict(f"There is a queue {new.name[:100]!r} already.", code="queue_exists") from error
        return self.get(project, queue.id)

    def delete(self, project: str, which: str) -> None:
        """Delete a queue with its items and labels; scores that were made of them stay. Raises `NotFound`."""
        with self._metadata.write() as connection:
            queue = _found(store.find_queue(connection, project, which), which)
            store.delete_queue(connection, queue.id)

    # --- items --------------------------------------------------------------------------------

    def add(self, project: str, which: str, wanted: AddItems) -> int:
        """Add items; how many there are more now. Raises as `Sources.items`, and `NotFound` without the queue."""
        queue = self.get(project, which)
        found = self._sources.items(project, wanted, queue.questions)
        by_digest = {sha256(data).hexdigest(): (item, data) for item, data in found}
        now = self._clock.now()
        with self._metadata.write() as connection:
            known = store.known_digests(connection, queue.id, list(by_digest))
            position = store.last_position(connection, queue.id)
            values: list[dict[str, Any]] = []
            for digest, (item, data) in by_digest.items():
                if digest in known:
                    continue
                position += 1
                wanted_labels, assigned = _assignment(queue, position, digest, golden=item.golden is not None)
                values.append(
                    {
                        "id": self._ids.uuid7(),
                        "queue": queue.id,
                        "position": position,
                        "state": "open",
                        "digest": digest,
                        "body": data,
                        "golden": item.golden,
                        "wanted": wanted_labels,
                        "assigned": assigned,
                        "passed": [],
                        "created": now,
                    }
                )
            store.add_items(connection, values)
        return len(values)

    def items(
        self,
        project: str,
        which: str,
        *,
        state: str | None = None,
        only: Only | None = None,
        after: int = -1,
        limit: int = 100,
    ) -> list[LabelledItem]:
        """Items after a position with their labels, in the order in which they were added. Raises `NotFound`."""
        with self._metadata.read() as connection:
            queue = _found(store.find_queue(connection, project, which), which)
            if only == "disagreements":
                differing = _differing(queue, store.labelled_items(connection, queue.id))
                ids = [one.id for one in differing if one.position > after and state in (None, one.state)]
                found = store.items_by_id(connection, ids[:limit])
            else:
                found = store.items_page(
                    connection, queue.id, state=state, golden=only == "golden", after=after, limit=limit
                )
            labels = store.labels_of(connection, [item.id for item in found])
        return [LabelledItem(item=item, labels=labels.get(item.id, [])) for item in found]

    def export(self, project: str, which: str) -> Iterator[list[LabelledItem]]:
        """All items with their labels, some at a time. Raises `NotFound`."""
        queue = self.get(project, which)
        after = -1
        while page := self.items(project, queue.id, after=after, limit=BATCH):
            yield page
            after = page[-1].item.position

    # --- labelling ----------------------------------------------------------------------------

    def next(self, actor: Principal, project: str, which: str, *, beside: str | None = None) -> Task | None:
        """The item that the actor holds, or else the next one, held from now on; None: nothing waits.

        Args:
            actor: Who labels.
            project: Of the queue.
            which: Id or name of the queue.
            beside: Id of an item that the actor works on: another one is wanted, so that it is there in time.

        Raises:
            NotFound: `queue_not_found`.
            PermissionDenied: `annotator_not_named`: the queue names annotators, and this is none of them.
        """
        annotator, names, now = _annotator(actor), _names(actor), self._clock.now()
        with self._metadata.write() as connection:
            queue = _found(store.find_queue(connection, project, which), which)
            _check_named(queue, names)
            item = store.own_claim(connection, queue.id, annotator, now=now, beside=beside)
            item = item or self._free(connection, queue, annotator, names, beside=beside)
            if item is None:
                return None
            until = now + queue.lease_seconds * SECOND
            store.claim(connection, item.id, annotator, until=until)
            left = store.waiting_count(connection, queue.id, annotator, names, beside=beside)
            # What an annotator has labelled waits for them no more: there is no label of theirs.
            return _task(queue, item, None, until=until, left=left)

    def labelled(self, actor: Principal, project: str, which: str, *, limit: int = 20) -> list[Task]:
        """What the actor labelled last, the latest first, to look at it again and change it.

        Raises:
            NotFound, PermissionDenied: as `next`.
        """
        with self._metadata.read() as connection:
            queue = _found(store.find_queue(connection, project, which), which)
            _check_named(queue, _names(actor))
            left = store.waiting_count(connection, queue.id, _annotator(actor), _names(actor))
            found = store.labelled_by(connection, queue.id, _annotator(actor), limit=limit)
        return [_task(queue, item, label, until=0, left=left) for item, label in found]

    def scores(self, actor: Principal, project: str, which: str, id_: str, new: NewLabel) -> list[NewScore]:
        """What a label is as scores of the item's trace; to be recorded before the label is kept.

        Raises:
            InvalidInput, Conflict, NotFound, PermissionDenied: as `label`.
        """
        with self._metadata.read() as connection:
            queue, item = self._labelled(connection, actor, project, which, id_)
        answers = _answers(queue, new)
        if item.golden is not None or item.source.trace_id is None:
            return []
        annotator = _annotator(actor)
        digest = sha256(f"{item.id}\0{annotator}".encode()).hexdigest()[:32]
        types: dict[str, ScoreType] = {question.name: question.type for question in queue.questions}
        return [
            NewScore(
                # The same for the same person and item, so that a label that is changed replaces its scores.
                id=f"annotation-{digest}-{sha256(name.encode()).hexdigest()[:16]}",
                name=name,
                value=value,
                type=types[name],
                trace_id=item.source.trace_id,
                span_id=item.source.span_id,
                source="person",
                comment=new.comment or None,
                metadata={"queue": queue.name, "item": item.id},
            )
            for name, value in answers.items()
        ]

    def label(self, actor: Principal, project: str, which: str, id_: str, new: NewLabel) -> ItemLabel:
        """Keep what the actor says of an item, in the place of what they said before.

        Raises:
            NotFound: there is no such queue, or item in it.
            InvalidInput: answers do not fit the questions.
            Conflict: `item_taken`: others have it, or have labelled it.
            PermissionDenied: `annotator_not_named`.
        """
        now = self._clock.now()
        with self._metadata.write() as connection:
            queue, item = self._labelled(connection, actor, project, which, id_)
            label = ItemLabel(
                annotator=_annotator(actor),
                answers=_answers(queue, new),
                skipped=new.skip,
                comment=new.comment,
                created=now,
            )
            store.put_label(connection, queue.id, item.id, label)
            store.release(connection, item.id, label.annotator)
            given = store.labels_of(connection, [item.id])[item.id]
            _settle(connection, queue, item, given, passed_by=_names(actor) if new.skip is not None else [])
        return label

    def report(self, project: str, which: str) -> QueueReport:
        """How far a queue is, and how good its labels are. Raises `NotFound`."""
        with self._metadata.read() as connection:
            queue = _found(store.find_queue(connection, project, which), which)
            labelled = store.labelled_items(connection, queue.id)
            annotators = progress_of(label for one in labelled for label in one.labels)
            names = store.annotator_names(connection, [one.annotator for one in annotators])
            golden_items = store.golden_count(connection, queue.id)
        return QueueReport(
            queue=queue,
            names=names,
            disagreements=len(_differing(queue, labelled)),
            golden_items=golden_items,
            annotators=annotators,
            agreement=agreement_of(queue.questions, labelled),
            golden=golden_results(queue.questions, labelled),
        )

    # --- parts --------------------------------------------------------------------------------

    def _free(
        self, connection: Connection, queue: Queue, annotator: str, names: Sequence[str], *, beside: str | None
    ) -> AnnotationItem | None:
        """The first item that this annotator may have."""
        after = ""
        while page := store.waiting(connection, queue.id, annotator, names, after=after, limit=BATCH):
            ids = [item.id for _, item in page]
            held = store.claims_of(connection, ids, now=self._clock.now())
            labels = store.labels_of(connection, ids)
            for _, item in page:
                if item.id == beside:
                    continue
                if item.golden is not None or _taken(item, annotator, held, labels) < item.wanted:
                    return item
            after = page[-1][0]
        return None

    def _labelled(
        self, connection: Connection, actor: Principal, project: str, which: str, id_: str
    ) -> tuple[Queue, AnnotationItem]:
        """The queue and the item, if the actor may label it."""
        queue = _found(store.find_queue(connection, project, which), which)
        item = store.item(connection, queue.id, id_)
        if item is None:
            raise NotFound(f"There is no item {id_[:40]!r} in this queue.", code="item_not_found")
        annotator, names = _annotator(actor), _names(actor)
        _check_named(queue, names)
        labels = store.labels_of(connection, [id_])
        if item.golden is not None or any(one.annotator == annotator for one in labels.get(id_, [])):
            return queue, item
        held = store.claims_of(connection, [id_], now=self._clock.now())
        mine = not item.assigned or bool(set(names) & set(item.assigned))
        if item.state != "open" or not mine or _taken(item, annotator, held, labels) >= item.wanted:
            raise Conflict("Others have this item, or have labelled it.", hint="Take the next one.", code="item_taken")
        return queue, item


def _annotator(actor: Principal) -> str:
    """A person under their own id, whichever key they use."""
    return actor.user or actor.id


def _names(actor: Principal) -> list[str]:
    return list(dict.fromkeys(one for one in (actor.user, actor.id, actor.name) if one))


def _found(queue: Queue | None, which: str) -> Queue:
    if queue is None:
        raise NotFound(f"There is no queue {which[:100]!r} here, or not for you.", code="queue_not_found")
    return queue


def _check_named(queue: Queue, names: Sequence[str]) -> None:
    if queue.annotators and not set(names) & set(queue.annotators):
        raise PermissionDenied("This queue names its annotators, and you are none of them.", code="annotator_not_named")


def _answers(queue: Queue, new: NewLabel) -> dict[str, Any]:
    check_comment(new.comment or None)
    if new.skip is None:
        return check_answers(queue.questions, new.answers)
    if new.answers or not 0 < len(new.skip.strip()) <= 1000:
        raise InvalidInput(
            "Whoever skips an item says why, in 1 to 1000 characters, and answers nothing.", field="skip"
        )
    return {}


def _task(queue: Queue, item: AnnotationItem, label: ItemLabel | None, *, until: int, left: int) -> Task:
    return Task(
        item=item.id,
        queue=queue.id,
        input=item.input,
        output=item.output,
        context=item.context,
        questions=queue.questions,
        until=until,
        label=label,
        left=left,
    )


def _differing(queue: Queue, labelled: Sequence[LabelledItem]) -> list[AnnotationItem]:
    return [one.item for one in labelled if disagree(queue.questions, one)]


def _reassign(connection: Connection, queue: str, annotators: Sequence[str]) -> None:
    """Give items that wait to those who are named; who has labelled one keeps it."""
    waiting = store.open_items(connection, queue)
    labels = store.labels_of(connection, [item.id for item in waiting])
    known = store.annotator_names(connection, {one.annotator for given in labels.values() for one in given})
    for item in waiting:
        given = [one.annotator for one in labels.get(item.id, []) if one.skipped is None]
        said = {*given, *(known[one] for one in given if one in known)}
        assigned = [one for one in item.assigned if one in said or one in annotators]
        others = [one for one in annotators if one not in assigned and one not in said and one not in item.passed]
        count = max(0, item.wanted - len(given) - len(set(assigned) - said))
        turn = item.position % len(others) if others else 0
        assigned += (others[turn:] + others[:turn])[:count]
        store.change_item(connection, item.id, assigned=assigned if annotators else [])


def _assignment(queue: Queue, position: int, digest: str, *, golden: bool) -> tuple[int, list[str]]:
    """How many labels an item needs, and whose."""
    if golden:
        return 0, []
    people = len(queue.annotators)
    doubled = int(sha256(f"doubled {digest}".encode()).hexdigest()[:12], 16) / 16**12 < queue.doubled
    wanted = 2 if doubled and people != 1 else 1
    return wanted, [queue.annotators[(position + turn) % people] for turn in range(wanted if people else 0)]


def _taken(item: AnnotationItem, annotator: str, held: dict[str, set[str]], labels: dict[str, list[ItemLabel]]) -> int:
    """How many others have labelled an item, or hold it."""
    given = labels.get(item.id, [])
    labelled = {one.annotator for one in given if one.skipped is None}
    holding = held.get(item.id, set()) - {one.annotator for one in given}
    return len((labelled | holding) - {annotator})


def _settle(
    connection: Connection, queue: Queue, item: AnnotationItem, labels: Sequence[ItemLabel], *, passed_by: Sequence[str]
) -> None:
    """Close an item that has its labels, or that nobody can judge; give one that was skipped to somebody else."""
    if item.golden is not None:
        return
    given = sum(one.skipped is None for one in labels)
    if given >= item.wanted:
        store.change_item(connection, item.id, state="done")
        return
    passed = [*item.passed, *(one for one in item.assigned if one in passed_by)]
    assigned = [one for one in item.assigned if one not in passed]
    if len(assigned) < len(item.assigned):
        assigned += [one for one in queue.annotators if one not in assigned and one not in passed][:1]
    stuck = len(labels) - given >= MOST_SKIPS or bool(queue.annotators and not _waits_for(assigned, item, given))
    state = ("done" if given else "skipped") if stuck else "open"
    store.change_item(connection, item.id, state=state, assigned=assigned, passed=passed)


def _waits_for(assigned: Sequence[str], item: AnnotationItem, given: int) -> bool:
    """Whether any of those who are to label an item has not done so."""
    return len(assigned) > given and given < item.wanted
