"""Statements on queues, items, claims and labels. Every function runs in the transaction of its connection."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, String, and_, cast, delete, func, insert, or_, select, update

from penstock.evals.annotation.types import AnnotationItem, Answers, ItemLabel, LabelledItem, NewItem, Queue
from penstock.store.metadata.schema import annotation_claims as claims
from penstock.store.metadata.schema import annotation_items as items
from penstock.store.metadata.schema import annotation_labels as labels
from penstock.store.metadata.schema import annotation_queues as queues
from penstock.store.metadata.schema import keys, users

__all__ = [
    "add_items",
    "add_queue",
    "annotator_names",
    "change_item",
    "change_queue",
    "claim",
    "claims_of",
    "delete_queue",
    "find_queue",
    "golden_count",
    "is_judged",
    "item",
    "items_by_id",
    "items_page",
    "known_digests",
    "labelled_by",
    "labelled_items",
    "labels_of",
    "last_position",
    "list_queues",
    "open_items",
    "own_claim",
    "put_label",
    "release",
    "waiting",
    "waiting_count",
]

AT_ONCE: Final = 400
_BARE: Final = [column for column in items.columns if column.name != "body"]
"""An item without what it shows."""
_decode_item = msgspec.json.Decoder(NewItem).decode


def add_queue(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(queues).values(**values))


def find_queue(connection: Connection, project: str, which: str) -> Queue | None:
    """A queue by id or name."""
    where = and_(queues.c.project == project, or_(queues.c.id == which, queues.c.name == which))
    found = connection.execute(select(queues).where(where).order_by(queues.c.id != which)).first()
    return None if found is None else _queue(found, _counts(connection, [found.id]))


def list_queues(connection: Connection, project: str, *, after: str | None, limit: int) -> list[Queue]:
    """Queues by name."""
    where = [queues.c.project == project, *([queues.c.name > after] if after is not None else [])]
    found = connection.execute(select(queues).where(*where).order_by(queues.c.name).limit(limit)).all()
    counts = _counts(connection, [one.id for one in found])
    return [_queue(one, counts) for one in found]


def delete_queue(connection: Connection, queue: str) -> None:
    """A queue with all that belongs to it."""
    own = select(items.c.id).where(items.c.queue == queue)
    connection.execute(delete(claims).where(claims.c.item.in_(own)))
    connection.execute(delete(labels).where(labels.c.queue == queue))
    connection.execute(delete(items).where(items.c.queue == queue))
    connection.execute(delete(queues).where(queues.c.id == queue))


def change_queue(connection: Connection, queue: str, values: Mapping[str, Any]) -> None:
    connection.execute(update(queues).where(queues.c.id == queue).values(**values))


def is_judged(connection: Connection, queue: str) -> bool:
    """Whether there are answers to a queue's questions: labels, or golden ones."""
    found = connection.execute(select(labels.c.item).where(labels.c.queue == queue).limit(1)).first()
    return found is not None or golden_count(connection, queue) > 0


def golden_count(connection: Connection, queue: str) -> int:
    query = select(func.count()).select_from(items).where(items.c.queue == queue, items.c.wanted == 0)
    return int(connection.execute(query).scalar_one())


def annotator_names(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Names of people and keys, by id."""
    found: dict[str, str] = {}
    for some in _some(list(ids)):
        for table in (users, keys):
            for one in connection.execute(select(table.c.id, table.c.name).where(table.c.id.in_(some))):
                found[one.id] = one.name
    return found


def last_position(connection: Connection, queue: str) -> int:
    """The greatest position; -1 where there is no item."""
    found = connection.execute(select(func.max(items.c.position)).where(items.c.queue == queue)).scalar()
    return -1 if found is None else int(found)


def known_digests(connection: Connection, queue: str, digests: Sequence[str]) -> set[str]:
    """Those that stand in the queue."""
    found: set[str] = set()
    for some in _some(digests):
        where = and_(items.c.queue == queue, items.c.digest.in_(some))
        found |= set(connection.execute(select(items.c.digest).where(where)).scalars())
    return found


def add_items(connection: Connection, values: Sequence[Mapping[str, Any]]) -> None:
    if values:
        connection.execute(insert(items), [dict(one) for one in values])


def item(connection: Connection, queue: str, id_: str) -> AnnotationItem | None:
    found = connection.execute(select(items).where(items.c.queue == queue, items.c.id == id_)).first()
    return None if found is None else _item(found)


def items_page(
    connection: Connection, queue: str, *, state: str | None, golden: bool = False, after: int, limit: int
) -> list[AnnotationItem]:
    """Items after a position, in the order in which they were added; `golden`: those with known answers."""
    where = [items.c.queue == queue, items.c.position > after, *([items.c.state == state] if state else [])]
    if golden:
        where.append(items.c.wanted == 0)
    found = connection.execute(select(items).where(*where).order_by(items.c.position).limit(limit))
    return [_item(one) for one in found]


def items_by_id(connection: Connection, ids: Sequence[str]) -> list[AnnotationItem]:
    """These items, in the order in which they were added."""
    found = [_item(one) for some in _some(ids) for one in connection.execute(select(items).where(items.c.id.in_(some)))]
    return sorted(found, key=lambda one: one.position)


def open_items(connection: Connection, queue: str) -> list[AnnotationItem]:
    """Items that wait for labels, without what they show and without golden ones."""
    where = and_(items.c.queue == queue, items.c.state == "open", items.c.wanted > 0)
    return [_item(one) for one in connection.execute(select(*_BARE).where(where).order_by(items.c.position))]


def labelled_items(connection: Connection, queue: str) -> list[LabelledItem]:
    """Items with labels, without what they show, in the order in which they were added."""
    given: dict[str, list[ItemLabel]] = {}
    for one in connection.execute(
        select(labels).where(labels.c.queue == queue).order_by(labels.c.created, labels.c.annotator)
    ):
        given.setdefault(one.item, []).append(_label(one))
    query = select(*_BARE).where(items.c.queue == queue).order_by(items.c.position)
    return [LabelledItem(item=_item(one), labels=given[one.id]) for one in connection.execute(query) if one.id in given]


def labelled_by(
    connection: Connection, queue: str, annotator: str, *, limit: int
) -> list[tuple[AnnotationItem, ItemLabel]]:
    """What somebody labelled last, the latest first."""
    said = select(labels).where(labels.c.queue == queue, labels.c.annotator == annotator)
    found = [(one.item, _label(one)) for one in connection.execute(said.order_by(labels.c.created.desc()).limit(limit))]
    known = {one.id: one for one in items_by_id(connection, [id_ for id_, _ in found])}
    return [(known[id_], label) for id_, label in found]


def change_item(connection: Connection, id_: str, **values: Any) -> None:
    connection.execute(update(items).where(items.c.id == id_).values(**values))


def own_claim(
    connection: Connection, queue: str, annotator: str, *, now: int, beside: str | None = None
) -> AnnotationItem | None:
    """The item that an annotator holds, other than one of them."""
    held = and_(claims.c.item == items.c.id, claims.c.annotator == annotator, claims.c.until > now)
    query = select(items).join(claims, held).where(items.c.queue == queue, items.c.state == "open")
    found = connection.execute(query.where(items.c.id != (beside or "")).order_by(items.c.digest)).first()
    return None if found is None else _item(found)


def waiting(
    connection: Connection, queue: str, annotator: str, names: Iterable[str], *, after: str, limit: int
) -> list[tuple[str, AnnotationItem]]:
    """Open items that an annotator has not labelled and may be given, with their digests, after a digest."""
    where = _waiting(queue, annotator, names)
    query = select(items).where(where, items.c.digest > after).order_by(items.c.digest).limit(limit)
    return [(one.digest, _item(one)) for one in connection.execute(query)]


def waiting_count(
    connection: Connection, queue: str, annotator: str, names: Iterable[str], *, beside: str | None = None
) -> int:
    where = and_(_waiting(queue, annotator, names), items.c.id != (beside or ""))
    query = select(func.count()).select_from(items).where(where)
    return int(connection.execute(query).scalar_one())


def claims_of(connection: Connection, ids: Sequence[str], *, now: int) -> dict[str, set[str]]:
    """Who holds these items now."""
    found: dict[str, set[str]] = {}
    for some in _some(ids):
        for one in connection.execute(select(claims).where(claims.c.item.in_(some), claims.c.until > now)):
            found.setdefault(one.item, set()).add(one.annotator)
    return found


def claim(connection: Connection, id_: str, annotator: str, *, until: int) -> None:
    release(connection, id_, annotator)
    connection.execute(insert(claims).values(item=id_, annotator=annotator, until=until))


def release(connection: Connection, id_: str, annotator: str) -> None:
    connection.execute(delete(claims).where(claims.c.item == id_, claims.c.annotator == annotator))


def put_label(connection: Connection, queue: str, id_: str, label: ItemLabel) -> None:
    """Keep what somebody said, in the place of what they said before."""
    connection.execute(delete(labels).where(labels.c.item == id_, labels.c.annotator == label.annotator))
    connection.execute(insert(labels).values(item=id_, queue=queue, **msgspec.structs.asdict(label)))


def labels_of(connection: Connection, ids: Sequence[str]) -> dict[str, list[ItemLabel]]:
    """Labels by item, the oldest first."""
    found: dict[str, list[ItemLabel]] = {}
    for some in _some(ids):
        query = select(labels).where(labels.c.item.in_(some)).order_by(labels.c.created, labels.c.annotator)
        for one in connection.execute(query):
            found.setdefault(one.item, []).append(_label(one))
    return found


def _waiting(queue: str, annotator: str, names: Iterable[str]) -> ColumnElement[bool]:
    said = select(labels.c.item).where(labels.c.item == items.c.id, labels.c.annotator == annotator).exists()
    assigned = cast(items.c.assigned, String)
    mine = [assigned.contains(json.dumps(name), autoescape=True) for name in names]
    return and_(items.c.queue == queue, items.c.state == "open", ~said, or_(assigned == "[]", *mine))


def _counts(connection: Connection, ids: Sequence[str]) -> dict[tuple[str, str], int]:
    where = and_(items.c.queue.in_(ids), items.c.wanted > 0)
    query = select(items.c.queue, items.c.state, func.count().label("count")).where(where)
    return {
        (one.queue, one.state): int(one[2]) for one in connection.execute(query.group_by(items.c.queue, items.c.state))
    }


def _queue(row: Row[Any], counts: Mapping[tuple[str, str], int]) -> Queue:
    values = {str(column.name): row[at] for at, column in enumerate(queues.columns) if column.name != "project"}
    done, skipped = counts.get((row.id, "done"), 0), counts.get((row.id, "skipped"), 0)
    total = done + skipped + counts.get((row.id, "open"), 0)
    return msgspec.convert({**values, "items": total, "done": done, "skipped": skipped}, Queue)


def _item(row: Row[Any]) -> AnnotationItem:
    body = _decode_item(row.body) if hasattr(row, "body") else NewItem()
    golden: Answers | None = row.golden
    return AnnotationItem(
        id=row.id,
        queue=row.queue,
        position=row.position,
        state=row.state,
        source=body.source,
        input=body.input,
        output=body.output,
        reference=body.reference,
        context=body.context,
        golden=golden,
        wanted=row.wanted,
        assigned=row.assigned,
        passed=row.passed,
        created=row.created,
    )


def _label(row: Row[Any]) -> ItemLabel:
    return ItemLabel(
        annotator=row.annotator,
        answers=row.answers,
        skipped=row.skipped,
        comment=row.comment,
        created=row.created,
    )


def _some(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(values), AT_ONCE):
        yield values[begin : begin + AT_ONCE]
