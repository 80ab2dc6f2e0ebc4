"""Which columns of a file are what: a mapping, one that is likely right, and rows made by it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.datasets.formats import Record
from penstock.evals.datasets.types import DatasetRow

__all__ = ["FieldMapping", "mapped", "mapped_rows", "suggest"]

INPUTS: Final = ("input", "question", "prompt", "query", "instruction", "messages", "text")
REFERENCES: Final = ("reference", "expected", "expected_output", "answer", "output", "target", "gold", "label")
CONTEXTS: Final = ("context", "contexts", "documents", "passages")
IDS: Final = ("id", "row_id", "uid", "uuid")
GROUPS: Final = ("group", "session", "conversation", "cluster", "user")


class FieldMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Columns by what they are. A dotted name leads into an object; a name that itself holds dots goes first."""

    input: str | list[str]
    """One column, or several that become an object."""
    reference: str | list[str] | None = None
    context: str | None = None
    """A text, or a list of texts."""
    id: str | None = None
    group: str | None = None
    split: str | None = None
    metadata: str | list[str] | None = None
    """A column that holds an object, or columns that become one."""
    json: list[str] = []
    """Columns whose text is JSON, as in a CSV."""


def suggest(columns: Sequence[str], sample: Sequence[Record]) -> FieldMapping:
    """A mapping for a file with these columns, by what columns are usually called.

    Raises:
        InvalidInput: there are no columns.
    """
    if not columns:
        raise InvalidInput("The file holds no rows.", field="file", code="file_empty")
    names = {name.lower(): name for name in reversed(columns)}

    def known(wanted: Sequence[str]) -> str | None:
        return next((names[one] for one in wanted if one in names), None)

    reference, context, id_ = known(REFERENCES), known(CONTEXTS), known(IDS)
    group, split, metadata = known(GROUPS), known(("split",)), known(("metadata",))
    taken = {reference, context, id_, group, split, metadata}
    input_ = known(INPUTS) or next((name for name in columns if name not in taken), columns[0])
    rest = [name for name in columns if name not in {*taken, input_}]
    json = [name for name in columns if _is_json(name, sample)]
    objects = metadata is not None and all(_is_object(_at(one, metadata), text=metadata in json) for one in sample)
    return FieldMapping(
        input=input_,
        reference=None if reference == input_ else reference,
        context=context,
        id=id_,
        group=group,
        split=split,
        metadata=metadata if objects else ([*([metadata] if metadata else []), *rest] or None),
        json=json,
    )


def mapped(record: Record, mapping: FieldMapping, *, place: str) -> DatasetRow:
    """One row.

    Args:
        record: Of a file.
        mapping: Which columns are what.
        place: Where it stands, for errors.

    Raises:
        InvalidInput: `mapping_unfit`: a column is missing, or holds what cannot be used; says which.
    """
    columns = _parsed(record, mapping.json, place)
    metadata = None if mapping.metadata is None else _picked(columns, mapping.metadata)
    if metadata is not None and not isinstance(metadata, dict):
        raise _unfit(place, f"the column {mapping.metadata!r} holds no object", "metadata")
    return DatasetRow(
        id=_text(columns, mapping.id, place) or "",
        input=_input(columns, mapping.input, place),
        reference=None if mapping.reference is None else _picked(columns, mapping.reference),
        context=[] if mapping.context is None else _context(_picked(columns, mapping.context)),
        metadata=cast("dict[str, Any]", metadata or {}),
        group=_text(columns, mapping.group, place),
        split=_text(columns, mapping.split, place),
    )


def mapped_rows(records: Iterator[tuple[str, Record]], mapping: FieldMapping) -> Iterator[DatasetRow]:
    """Rows one after another. A row may lack a column; raises as `mapped`, and at the end for one that all lack."""
    unseen = dict(_columns(mapping))
    rows = 0
    for place, record in records:
        for name in [name for name in unseen if _has(record, name)]:
            del unseen[name]
        rows += 1
        yield mapped(record, mapping, place=place)
    if rows and unseen:
        name, field = next(iter(unseen.items()))
        raise InvalidInput(f"No row has a column {name!r}.", field=f"mapping.{field}", code="mapping_unfit")


def _columns(mapping: FieldMapping) -> Iterator[tuple[str, str]]:
    """Names of columns, and the field that each is for."""
    for field in ("input", "reference", "context", "id", "group", "split", "metadata"):
        names: str | list[str] | None = getattr(mapping, field)
        for name in [names] if isinstance(names, str) else names or []:
            yield name, field


def _unfit(place: str, what: str, field: str) -> InvalidInput:
    return InvalidInput(f"{place[:1].upper()}{place[1:]}: {what}.", field=f"mapping.{field}", code="mapping_unfit")


def _parsed(record: Record, names: Sequence[str], place: str) -> dict[str, Any]:
    columns = dict(record)
    for name in names:
        text = columns.get(name)
        if isinstance(text, str):
            try:
                columns[name] = msgspec.json.decode(text) if text.strip() else None
            except msgspec.DecodeError as error:
                raise _unfit(place, f"the column {name!r} holds no JSON: {error}", "json") from error
    return columns


def _input(record: Record, names: str | Sequence[str], place: str) -> Any:
    if isinstance(names, str) and not _has(record, names):
        raise _unfit(place, f"there is no column {names!r}; there are {', '.join(list(record)[:20])}", "input")
    return _picked(record, names)


def _picked(record: Record, names: str | Sequence[str]) -> Any:
    """What a column holds, None where a row has none; of several an object."""
    if isinstance(names, str):
        return _at(record, names)
    return {name: _at(record, name) for name in names}


def _text(record: Record, name: str | None, place: str) -> str | None:
    value = None if name is None else _at(record, name)
    if value is None or value == "":
        return None
    if isinstance(value, dict | list):
        raise _unfit(place, f"the column {name!r} holds no text", "id")
    return str(value)


def _context(value: Any) -> list[str]:
    if value is None or value == "":
        return []
    texts = cast("list[Any]", value) if isinstance(value, list) else [value]
    return [one if isinstance(one, str) else msgspec.json.encode(one).decode() for one in texts]


def _at(record: Any, path: str) -> Any:
    if not isinstance(record, Mapping):
        return None
    fields = cast("Mapping[str, Any]", record)
    if path in fields:
        return fields[path]
    head, dot, rest = path.partition(".")
    return _at(fields.get(head), rest) if dot else None


def _has(record: Record, path: str) -> bool:
    return path in record or path.partition(".")[0] in record


def _is_object(value: Any, *, text: bool) -> bool:
    """Whether it is an object, or nothing; `text`: texts are JSON."""
    return isinstance(value, dict | None) or (text and isinstance(value, str) and not value.lstrip().startswith("["))


def _is_json(name: str, sample: Sequence[Record]) -> bool:
    """Whether every text of a column is a JSON object or list."""
    texts = [one[name] for one in sample if one.get(name)]
    if not texts or not all(isinstance(text, str) and text.strip()[:1] in {"{", "["} for text in texts):
        return False
    try:
        for text in texts:
            msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    return True
