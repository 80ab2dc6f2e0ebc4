"""What versions were made from and what was made from them."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from sqlalchemy import Connection

from penstock.core.errors import InvalidInput
from penstock.identity.types import Principal
from penstock.registry.artifacts import resolve
from penstock.registry.artifacts.context import Context, find_artifact
from penstock.registry.artifacts.names import check_text
from penstock.registry.artifacts.store import artifacts, relations
from penstock.registry.artifacts.store.artifacts import ArtifactRecord
from penstock.registry.artifacts.store.relations import EdgeRecord
from penstock.registry.artifacts.types import Edge, Graph, Node, Ref, Use

__all__ = ["Lineage"]

MAX_DEPTH: Final = 10
MAX_EDGES: Final = 500
MAX_USES: Final = 200
Place = tuple[str, int]


class Lineage:
    """Edges between versions, and to what lies elsewhere. Methods block."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def add(self, actor: Principal, ref: Ref, *, version: str, uses: Sequence[Use]) -> int:
        """Record what a version was made from or used, if it is not recorded yet; how many edges are new.

        Raises:
            NotFound: one of the versions does not exist.
            InvalidInput: a use names neither a version nor something elsewhere, or both.
        """
        self._context.kinds.get(ref.kind)
        with self._context.metadata.write() as connection:
            artifact = find_artifact(connection, ref)
            found = resolve.find_version(connection, artifact, version)
            return self.record(connection, actor, artifact, found.number, uses)

    def record(
        self, connection: Connection, actor: Principal, artifact: ArtifactRecord, number: int, uses: Sequence[Use]
    ) -> int:
        """As `add`, in a transaction of the caller's."""
        if len(uses) > MAX_USES:
            raise InvalidInput(f"Expected at most {MAX_USES} uses, got {len(uses)}.", field="uses")
        added = 0
        for index, use in enumerate(uses):
            row = self._edge(connection, actor, artifact, number, use, field=f"uses[{index}]")
            if not relations.known(connection, row):
                relations.add_edge(connection, row)
                added += 1
        if added:
            self._context.audit(
                connection, actor, action="lineage.add", on=artifact.id, project=artifact.project, version=number,
                edges=added,
            )  # fmt: skip
        return added

    def graph(
        self,
        actor: Principal,
        ref: Ref,
        *,
        version: str,
        direction: Literal["up", "down", "both"] = "both",
        depth: int = 3,
    ) -> Graph:
        """The versions around one: `up` what it was made from, `down` what was made from it.

        Raises:
            NotFound: the version does not exist.
            InvalidInput: the depth is not from 1 to 10.
        """
        if not 1 <= depth <= MAX_DEPTH:
            raise InvalidInput(f"Expected `depth` from 1 to {MAX_DEPTH}, got {depth}.", field="depth")
        self._context.kinds.get(ref.kind)
        with self._context.metadata.read() as connection:
            artifact = find_artifact(connection, ref)
            place = (artifact.id, resolve.find_version(connection, artifact, version).number)
            rows: dict[str, EdgeRecord] = {}
            complete = True
            if direction != "down":
                complete &= _walk(connection, place, rows, up=True, depth=depth)
            if direction != "up":
                complete &= _walk(connection, place, rows, up=False, depth=depth)
            places = {place, *_places(rows.values())}
            known = artifacts.by_ids(connection, {id_ for id_, _ in places})
        readable = {id_: row for id_, row in known.items() if _readable(actor, row, project=ref.project)}
        return _graph(rows.values(), places, readable, complete=complete)

    def _edge(
        self,
        connection: Connection,
        actor: Principal,
        artifact: ArtifactRecord,
        number: int,
        use: Use,
        *,
        field: str,
    ) -> EdgeRecord:
        to_artifact: str | None = None
        to_number: int | None = None
        if (use.external is None) == (use.kind is None or use.name is None):
            raise InvalidInput("Expected either `kind` and `name`, or `external`.", field=field)
        if use.external is not None:
            check_text(use.external, field=f"{field}.external", least=1, most=300)
        elif use.kind is not None and use.name is not None:
            self._context.kinds.get(use.kind)
            other = find_artifact(connection, Ref(artifact.project, use.kind, use.name))
            to_artifact, to_number = other.id, resolve.find_version(connection, other, use.version).number
            if (to_artifact, to_number) == (artifact.id, number):
                raise InvalidInput("A version cannot be made from itself.", field=field)
        return EdgeRecord(
            id=self._context.ids.uuid7(),
            project=artifact.project,
            artifact=artifact.id,
            number=number,
            relation=use.relation,
            to_artifact=to_artifact,
            to_number=to_number,
            external=use.external,
            at=self._context.clock.now(),
            actor_name=actor.name,
        )


def _readable(actor: Principal, row: ArtifactRecord, *, project: str) -> bool:
    return row.project == project and actor.may(f"{row.kind}s:read", project)


def _walk(connection: Connection, start: Place, rows: dict[str, EdgeRecord], *, up: bool, depth: int) -> bool:
    """Collect edges, breadth first; False when there are more beyond the depth or the number."""
    seen = {start}
    front = [start]
    for _ in range(depth):
        if not front:
            return True
        ask = relations.edges_from if up else relations.edges_to
        found = ask(connection, front[:MAX_EDGES], limit=MAX_EDGES + 1)
        if len(found) > MAX_EDGES or len(rows) + len(found) > MAX_EDGES:
            rows |= {row.id: row for row in found[: max(0, MAX_EDGES - len(rows))]}
            return False
        rows |= {row.id: row for row in found}
        reached = {_to(row) if up else (row.artifact, row.number) for row in found}
        front = sorted(place for place in reached if place is not None and place not in seen)
        seen.update(front)
    return not front or not (relations.edges_from if up else relations.edges_to)(connection, front, limit=1)


def _to(row: EdgeRecord) -> Place | None:
    return None if row.to_artifact is None or row.to_number is None else (row.to_artifact, row.to_number)


def _places(rows: Iterable[EdgeRecord]) -> set[Place]:
    found: set[Place] = set()
    for row in rows:
        found.add((row.artifact, row.number))
        place = _to(row)
        if place is not None:
            found.add(place)
    return found


def _graph(
    rows: Iterable[EdgeRecord], places: Iterable[Place], readable: dict[str, ArtifactRecord], *, complete: bool
) -> Graph:
    nodes = {
        f"{id_}@{number}": Node(id=f"{id_}@{number}", kind=readable[id_].kind, name=readable[id_].name, version=number)
        for id_, number in sorted(places)
        if id_ in readable
    }
    edges: list[Edge] = []
    for row in sorted(rows, key=lambda one: one.id):
        from_ = f"{row.artifact}@{row.number}"
        to = row.external if row.to_artifact is None else f"{row.to_artifact}@{row.to_number}"
        if to is None or from_ not in nodes:
            continue
        if row.external is not None:
            nodes[to] = Node(id=to, kind=None, name=None, version=None, external=to)
        if to in nodes:
            edges.append(Edge(from_=from_, to=to, relation=row.relation, at=row.at, by=row.actor_name))
    return Graph(nodes=list(nodes.values()), edges=edges, complete=complete)
