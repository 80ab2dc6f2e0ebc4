"""Spans as a file, in pieces: JSON lines, CSV or Parquet, in bounded memory whatever the size.

A slice of time is read at a time, each by itself, so that an export of hours holds up nobody: not the writer, which
could not fold its log while one snapshot lasted, and not other questions.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import msgspec
from sqlglot import exp

from penstock.core.errors import InvalidInput
from penstock.store.spans.columns import BY_NAME, COLUMNS, Form
from penstock.store.spans.conditions import compiled
from penstock.store.spans.engine import Engine, Rows
from penstock.store.spans.expressions import Values, column, sql
from penstock.store.spans.files import PIECE_BYTES, Kind, csv_pieces, csv_text, parquet_pieces
from penstock.store.spans.queries.search import Candidates, searches
from penstock.store.spans.queries.window import Window, closed, within
from penstock.store.spans.tree import Node

__all__ = ["EXPORTED", "ExportFormat", "export"]

ExportFormat = Literal["jsonl", "csv", "parquet"]
EXPORTED = tuple(each.name for each in COLUMNS if each.name != "project")
"""Columns that can be exported; all of them unless said otherwise."""
SLICE_ROWS = 768
"""Spans of one slice, about: few, since a question that comes meanwhile waits for the processor while it is read."""
PATIENCE = 0.17
"""Seconds that a slice waits for the questions of others to end. An export takes longer while many are asked."""
FIRST_SLICE = 600_000_000
"""Microseconds."""
_LONG = frozenset(("input", "output", "attributes"))
_DIGITS = frozenset(each.name for each in COLUMNS if each.form in {"trace_id", "digest"})


def export(
    engine: Engine,
    window: Window,
    *,
    where: Node | None,
    columns: Sequence[str] = EXPORTED,
    format_: ExportFormat = "jsonl",
    candidates: Candidates | None = None,
) -> Iterator[bytes]:
    """Spans of a window that fit, the oldest first, as pieces of one file.

    Nothing is read before the first piece is asked for, and no more than a slice ahead; closing the iterator ends it.
    In CSV, text that a spreadsheet would run is given a leading apostrophe; JSON is text there.

    Raises:
        InvalidInput: there is no such column (`invalid_column`), or no such format; at once.
        Unavailable: an extra is missing; or, while it is read, the store is down.
    """
    unknown = [name for name in columns if name not in EXPORTED]
    if unknown or not columns:
        raise InvalidInput(
            f"There is no column {unknown[0][:64]!r} to export." if unknown else "An export needs a column.",
            field="columns",
            hint=f"There are {', '.join(EXPORTED)}.",
            code="invalid_column",
        )
    writers = {"jsonl": _json_lines, "csv": _csv, "parquet": _parquet}
    if format_ not in writers:
        raise InvalidInput(
            f"There is no format {format_[:64]!r}.", field="format", hint=f"There are {', '.join(writers)}."
        )
    return writers[format_](tuple(columns), _slices(engine, window, where, tuple(columns), candidates))


def _slices(
    engine: Engine, window: Window, where: Node | None, columns: tuple[str, ...], candidates: Candidates | None
) -> Iterator[Rows]:
    """Rows of these columns, slice by slice."""
    with engine.snapshot() as read:
        whole = closed(read, window)
        if whole is None or whole.from_ is None or whole.to is None:
            return
        stretches = candidates(read, whole, where) if candidates is not None and searches(where) else None
    if stretches is None:
        yield from _slices_of(engine, whole, where, columns)
        return
    # A span that comes while the file is written, into a time without the words, is in it or is not.
    for begin, end in reversed(stretches):
        low, high = max(begin, whole.from_), min(end, whole.to)
        if low < high:
            part = msgspec.structs.replace(whole, from_=low, to=high)
            yield from _slices_of(engine, part, where, columns)


def _slices_of(engine: Engine, whole: Window, where: Node | None, columns: tuple[str, ...]) -> Iterator[Rows]:
    low, end, width = whole.from_ or 0, whole.to or 0, FIRST_SLICE
    while low < end:
        high = min(end, low + width)
        part = msgspec.structs.replace(whole, from_=low, to=high)
        engine.give_way(PATIENCE)
        values: Values = {}
        count = sql("SELECT count(*) FROM spans").where(*within(part, values))
        ((spans,),) = engine.read(count, values)
        if spans > 2 * SLICE_ROWS and width > 1:
            width //= 2
            continue
        if spans:
            yield _rows(engine, part, where, columns)
        low = high
        # The next holds about as many spans as it should where they are as dense as they were here.
        width = max(1, min(2 * width, width * SLICE_ROWS // max(1, spans)))


def _rows(engine: Engine, part: Window, where: Node | None, columns: tuple[str, ...]) -> Rows:
    values: Values = {}
    conditions = within(part, values)
    if where is not None:
        conditions.append(compiled(where, values))
    query = sql("SELECT 1 FROM spans ORDER BY started, span_id").where(*conditions)
    long = [name for name in columns if name in _LONG]
    extra = ["trace_id", "span_id", *(f"{name}_bytes" for name in long)] if long else []
    query = query.select(*map(_selected, (*columns, *extra)), append=False)
    with engine.snapshot() as read:
        rows = read(query, values)
        if not any(size is not None for row in rows for size in row[len(columns) + 2 :]):
            return [row[: len(columns)] for row in rows]
        apart = sql("SELECT span_id, field, text FROM payloads").where(*within(part, values))
        apart = apart.select(_selected("trace_id"))
        texts = {(trace, span, field): text for span, field, text, trace in read(apart, values)}
    at = len(columns)
    return [
        tuple(
            texts.get((row[at], row[at + 1], name)) if value is None and name in _LONG else value
            for name, value in zip(columns, row, strict=False)
        )
        for row in rows
    ]


def _selected(name: str) -> exp.Expr:
    """A column as it is read. Digits of a UUID are text that the engine makes: objects of them are made one by one."""
    if name not in _DIGITS:
        return column(name)
    digits = exp.func("replace", exp.cast(column(name), "VARCHAR"), exp.Literal.string("-"), exp.Literal.string(""))
    return exp.alias_(digits, name, quoted=True)


_PLAIN: dict[Form, Callable[[Any], Any]] = {
    "span_id": lambda value: None if value is None else f"{value:016x}",
    "tags": lambda value: value or {},
    "list": lambda value: value or [],
}
"""What of a stored value is spelled otherwise in the record. JSON stays as it lies."""


def _plain(form: Form, value: Any) -> Any:
    """A stored value as the record spells it."""
    return _PLAIN[form](value) if form in _PLAIN else value


def _raw(text: str | None) -> msgspec.Raw | None:
    """Recorded JSON, to be written as it lies."""
    return None if text is None else msgspec.Raw(text.encode())


def _json_lines(columns: tuple[str, ...], slices: Iterator[Rows]) -> Iterator[bytes]:
    spelled: dict[Form, Callable[[Any], Any]] = {**_PLAIN, "json": _raw}
    others = [(name, spelled[form]) for name in columns if (form := BY_NAME[name].form) in spelled]
    encoder = msgspec.json.Encoder()
    buffer = bytearray()
    for rows in slices:
        for row in rows:
            line = dict(zip(columns, row, strict=True))
            for name, spell in others:
                line[name] = spell(line[name])
            encoder.encode_into(line, buffer, -1)
            buffer += b"\n"
            if len(buffer) > PIECE_BYTES:
                yield bytes(buffer)
                buffer.clear()
    if buffer:
        yield bytes(buffer)


def _csv(columns: tuple[str, ...], slices: Iterator[Rows]) -> Iterator[bytes]:
    forms: list[Form] = [BY_NAME[name].form for name in columns]
    cells = ([_cell(form, value) for form, value in zip(forms, row, strict=True)] for rows in slices for row in rows)
    return csv_pieces(columns, cells)


def _cell(form: Form, value: Any) -> object:
    plain = _plain(form, value)
    if form in {"tags", "list"}:
        plain = msgspec.json.encode(plain).decode() if plain else ""
    if isinstance(plain, bool):
        return str(plain).lower()
    return csv_text(plain) if isinstance(plain, str) else plain


def _parquet(columns: tuple[str, ...], slices: Iterator[Rows]) -> Iterator[bytes]:
    kinds: dict[Form, Kind] = {"integer": "integer", "boolean": "boolean", "tags": "map", "list": "list"}
    forms: list[Form] = [BY_NAME[name].form for name in columns]
    schema: list[tuple[str, Kind]] = [
        (name, kinds.get(form, "text")) for name, form in zip(columns, forms, strict=True)
    ]
    batches = (
        [[_arrow(form, value) for form, value in zip(forms, row, strict=True)] for row in rows] for rows in slices
    )
    return parquet_pieces(schema, batches)


def _arrow(form: Form, value: Any) -> Any:
    plain = _plain(form, value)
    return list(plain.items()) if form == "tags" else plain
