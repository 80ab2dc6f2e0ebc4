"""Moving spans and scores from one store to another, by chunks of time, exactly once.

A chunk is written as a segment, with a name of its own, and loaded like any other: a segment that is met again is
passed over, so that a migration may be killed at any moment and begun again. What was chosen as chunks, and how many
are done, stands in a file. At the end both stores are asked for counts and sums of every chunk.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from penstock.core.errors import Conflict
from penstock.core.files import replace_file
from penstock.store.spans.columns import COLUMNS, Form
from penstock.store.spans.engine import Engine, Prepared, prepare
from penstock.store.spans.expressions import HOUR, TOKENS, sql
from penstock.store.spans.loaded import Loaded
from penstock.wire.score import Score
from penstock.wire.span import Span, encode_span

__all__ = ["Difference", "Migration", "Moved", "Place"]

CHUNK_RECORDS = 10_000
"""Of one chunk at most, unless more began in the same microsecond."""
STATE = "state.json"

_PAYLOADS = ("input", "output", "attributes")
_SCORE_FORMS: dict[str, Form] = {"trace_id": "trace_id", "span_id": "span_id", "metadata": "json"}
_SCORE_FIELDS = tuple(field.name for field in msgspec.structs.fields(Score))


class Place(Protocol):
    """A store, as far as a migration needs it."""

    @property
    def engine(self) -> Engine: ...

    def load(self, segments: Sequence[Path]) -> list[Loaded]: ...

    def load_scores(self, segments: Sequence[Path]) -> list[Loaded]: ...


class Chunk(msgspec.Struct, frozen=True, array_like=True):
    """Records of a stretch of time: spans by their start, scores by when they were given."""

    table: str
    low: int
    high: int
    """Exclusive."""
    records: int


class _State(msgspec.Struct):
    id: str
    """Of this migration: names of its segments begin with it."""
    chunks: list[Chunk]
    done: int = 0


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """How far a migration is."""

    chunks: int
    done: int
    records: int
    """Of the chunks that are done."""
    of: int
    """Of all chunks."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk that is not the same in both stores."""

    table: str
    low: int
    high: int
    what: str
    source: int
    target: int


def _digest(text: str) -> str:
    """A number of 32 bits out of a text, the same on every engine."""
    return f"(md5_number_lower({text}) & 4294967295)"


def _text(name: str, form: Form) -> str:
    """A narrow column as text, the same on every engine."""
    match form:
        case "tags":
            keys, values = f"map_keys({name})", f"map_values({name})"
            return f"coalesce(array_to_string({keys}, ','), '') || ':' || coalesce(array_to_string({values}, ','), '')"
        case "list":
            return f"coalesce(array_to_string({name}, ','), '')"
        case _:
            return f"coalesce(CAST({name} AS VARCHAR), '')"


_NARROW = " || '|' || ".join(_text(f'"{column.name}"', column.form) for column in COLUMNS if column.form != "json")
_LONG = " + ".join(f"coalesce({_digest(column.name)}, 0)" for column in COLUMNS if column.form == "json")
_JUDGED = " || '|' || ".join(_text(f'"{name}"', "text") for name in _SCORE_FIELDS if name not in {"number", "metadata"})
_SUMS: dict[str, Prepared] = {
    "spans": prepare(
        sql(
            f"""
            SELECT count(*), CAST(coalesce(sum(cost), 0) AS BIGINT), CAST(coalesce(sum({TOKENS}), 0) AS BIGINT),
                CAST(coalesce(sum({_digest(_NARROW)}), 0) AS BIGINT), CAST(coalesce(sum({_LONG}), 0) AS BIGINT)
            FROM spans WHERE started >= $low AND started < $high
            """  # noqa: S608 - constants; values are bound
        )
    ),
    "scores": prepare(
        sql(
            f"""
            SELECT count(*), 0, 0, CAST(coalesce(sum({_digest(_JUDGED)}), 0) AS BIGINT), 0
            FROM scores WHERE created >= $low AND created < $high
            """  # noqa: S608 - as above
        )
    ),
}
_APART = prepare(
    sql(
        f"""
        SELECT CAST(coalesce(sum({_digest("text")}), 0) AS BIGINT) FROM payloads
        WHERE started >= $low AND started < $high
        """  # noqa: S608 - as above
    )
)
_WHAT = ("count", "cost", "tokens", "fields", "texts")
_TIME = {"spans": "started", "scores": "created"}
_ROWS: dict[str, Prepared] = {
    "spans": prepare(
        sql(
            f"""
            SELECT {", ".join(f'"{column.name}"' for column in COLUMNS)} FROM spans
            WHERE started >= $low AND started < $high ORDER BY started, trace_id, span_id
            """  # noqa: S608 - as above
        )
    ),
    "scores": prepare(
        sql(
            f"""
            SELECT {", ".join(_SCORE_FIELDS)} FROM scores
            WHERE created >= $low AND created < $high ORDER BY created, id
            """  # noqa: S608 - as above
        )
    ),
}
_TEXTS = prepare(sql("SELECT trace_id, span_id, field, text FROM payloads WHERE started >= $low AND started < $high"))


class Migration:
    """One migration. Nothing of the source is changed, and nothing should be added to it meanwhile.

    Args:
        source: Where from.
        target: Where to.
        folder: Of this migration alone: its state, and the segment under way. It outlives the process.
        name: What is moved where, so that the state of another migration is not taken for this one's.
    """

    def __init__(self, source: Place, target: Place, *, folder: Path, name: str) -> None:
        self._source = source
        self._target = target
        self._folder = folder
        self._name = name
        self._state: _State | None = None

    def prepare(self) -> Moved:
        """Choose the chunks, or take up what an earlier process chose.

        Raises:
            Conflict: the folder holds the state of another migration (`migration_other`).
            Unavailable: a store cannot be used.
        """
        self._target.engine.read(sql("SELECT 1"))
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._state = msgspec.json.decode((self._folder / STATE).read_bytes(), type=_State)
        except FileNotFoundError:
            chunks = [chunk for table in _TIME for chunk in self._chunks(table)]
            drawn = hashlib.blake2b(msgspec.json.encode([self._name, chunks]), digest_size=8).hexdigest()
            self._state = _State(f"{self._name}-{drawn}", chunks)
            self._save()
        if not self._state.id.startswith(f"{self._name}-"):
            raise Conflict(
                f"The folder {self._folder} holds the state of another migration.",
                hint="Remove it when that one is not to be finished.",
                code="migration_other",
            )
        return self.moved()

    def moved(self) -> Moved:
        """How far it is."""
        state = self._prepared()
        return Moved(
            chunks=len(state.chunks),
            done=state.done,
            records=sum(chunk.records for chunk in state.chunks[: state.done]),
            of=sum(chunk.records for chunk in state.chunks),
        )

    def run(self, *, told: Callable[[Moved], None] = lambda _: None) -> None:
        """Copy what is not copied yet. `told` is called after each chunk.

        Raises:
            Unavailable: a store cannot be used; begin again when it can.
        """
        state = self._prepared()
        while state.done < len(state.chunks):
            self._copy(state.done, state.chunks[state.done])
            state.done += 1
            self._save()
            told(self.moved())

    def check(self, *, told: Callable[[int], None] = lambda _: None) -> list[Difference]:
        """Compare all chunks in both stores; `told` is called with the number of those that are compared."""
        found: list[Difference] = []
        for number, chunk in enumerate(self._prepared().chunks, start=1):
            sums = [self._sums(place, chunk) for place in (self._source, self._target)]
            differs = [what for what, one, other in zip(_WHAT, *sums, strict=True) if one != other]
            # An engine may write the same JSON in another way.
            if differs == ["texts"] and self._same_json(chunk):
                differs = []
            found += [
                Difference(
                    table=chunk.table,
                    low=chunk.low,
                    high=chunk.high,
                    what=what,
                    source=sums[0][_WHAT.index(what)],
                    target=sums[1][_WHAT.index(what)],
                )
                for what in differs
            ]
            told(number)
        return found

    def finish(self) -> None:
        """Forget the state: the next migration begins anew."""
        (self._folder / STATE).unlink(missing_ok=True)

    def _prepared(self) -> _State:
        if self._state is None:
            self.prepare()
        assert self._state is not None  # noqa: S101 - what `prepare` is for
        return self._state

    def _save(self) -> None:
        replace_file(self._folder / STATE, msgspec.json.encode(self._state))

    def _chunks(self, table: str) -> Iterator[Chunk]:
        """Neighbouring hours together, up to a chunk's size; an hour that has more is cut."""
        time = _TIME[table]
        query = sql(f"SELECT {time} // {HOUR} * {HOUR} AS hour, count(*) FROM {table} GROUP BY 1 ORDER BY 1")  # noqa: S608 - constants
        low, high, size = 0, 0, 0
        for hour, records in self._source.engine.read(query):
            if size and size + records > CHUNK_RECORDS:
                yield Chunk(table, low, high, size)
                size = 0
            if records > CHUNK_RECORDS:
                yield from self._cut(table, hour, hour + HOUR, records)
                continue
            low = hour if not size else low
            high, size = hour + HOUR, size + records
        if size:
            yield Chunk(table, low, high, size)

    def _cut(self, table: str, low: int, high: int, records: int) -> Iterator[Chunk]:
        if records <= CHUNK_RECORDS or high - low == 1:
            if records:
                yield Chunk(table, low, high, records)
            return
        middle = (low + high) // 2
        query = sql(f"SELECT count(*) FROM {table} WHERE {_TIME[table]} >= $low AND {_TIME[table]} < $high")  # noqa: S608 - constants
        ((first,),) = self._source.engine.read(query, {"low": low, "high": middle})
        yield from self._cut(table, low, middle, first)
        yield from self._cut(table, middle, high, records - first)

    def _copy(self, number: int, chunk: Chunk) -> None:
        path = self._folder / f"{self._prepared().id}-{number:08d}.ndjson"
        lines = _span_lines(self._source, chunk) if chunk.table == "spans" else _score_lines(self._source, chunk)
        # Of a segment that is loaded in part the rest must come from the same file.
        if not path.exists():
            replace_file(path, b"".join(lines))
        load = self._target.load if chunk.table == "spans" else self._target.load_scores
        load([path])
        path.unlink()

    def _sums(self, place: Place, chunk: Chunk) -> list[int]:
        values = {"low": chunk.low, "high": chunk.high}
        with place.engine.snapshot() as read:
            sums = [int(value) for value in read(_SUMS[chunk.table], values)[0]]
            if chunk.table == "spans":
                ((apart,),) = read(_APART, values)
                sums[-1] += int(apart)
        return sums

    def _same_json(self, chunk: Chunk) -> bool:
        source, target = (_span_lines(place, chunk) for place in (self._source, self._target))
        return all(
            msgspec.json.decode(one) == msgspec.json.decode(other) for one, other in zip(source, target, strict=True)
        )


def _span_lines(place: Place, chunk: Chunk) -> Iterator[bytes]:
    """Journal lines of a chunk, in an order that is the same in every store."""
    values = {"low": chunk.low, "high": chunk.high}
    with place.engine.snapshot() as read:
        texts: dict[tuple[uuid.UUID, int, str], str] = {
            (trace, span, field): text for trace, span, field, text in read(_TEXTS, values)
        }
        rows = read(_ROWS["spans"], values)
    rows.sort(key=lambda row: (row[_STARTED], row[_TRACE].int, row[_SPAN]))
    for row in rows:
        fields = {
            column.name: _spelled(column.form, value)
            for column, value in zip(COLUMNS, row, strict=True)
            if value is not None
        }
        if texts:
            for name in _PAYLOADS:
                text = texts.get((row[_TRACE], row[_SPAN], name))
                if text is not None:
                    fields[name] = msgspec.Raw(text.encode())
        yield b'{"record":"span",' + encode_span(Span(**fields))[1:] + b"\n"


def _score_lines(place: Place, chunk: Chunk) -> Iterator[bytes]:
    with place.engine.snapshot() as read:
        rows = read(_ROWS["scores"], {"low": chunk.low, "high": chunk.high})
    for row in rows:
        fields = {
            name: _spelled(_SCORE_FORMS.get(name, "text"), value)
            for name, value in zip(_SCORE_FIELDS, row, strict=True)
            if value is not None
        }
        yield b'{"record":"score",' + msgspec.json.encode(Score(**fields))[1:] + b"\n"


def _spelled(form: Form, value: Any) -> Any:
    """A stored value as the record has it."""
    match form:
        case "trace_id" | "digest":
            return value.hex
        case "span_id":
            return f"{value:016x}"
        case "json":
            return msgspec.Raw(value.encode())
        case _:
            return value


_NAMES = [column.name for column in COLUMNS]
_STARTED, _TRACE, _SPAN = (_NAMES.index(name) for name in ("started", "trace_id", "span_id"))
