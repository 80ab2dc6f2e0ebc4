"""What there is to judge with, told so that a form can be made of it."""

import ast
import inspect
import textwrap
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from typing import Any, Final, Literal, NamedTuple, cast

import msgspec

from penstock.evals.evaluators.catalog import TYPES
from penstock.evals.evaluators.definition import Definition

__all__ = ["EvaluatorParameter", "EvaluatorType", "described"]

Need = Literal[
    "reference", "context", "model", "embeddings", "baseline", "tool calls", "conversation", "metadata", "price"
]
Given = Literal["boolean", "number", "label"]
Group = Literal["text", "structure", "similarity", "measure", "agent", "judge", "library"]


class EvaluatorParameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of a type of evaluator."""

    name: str
    description: str
    required: bool
    default: Any
    """What holds where it is not given; null too where it is required."""
    schema: dict[str, Any]
    """JSON Schema 2020-12, without references."""


class EvaluatorType(msgspec.Struct, frozen=True, kw_only=True):
    """A type of evaluator that a definition names as its `type`."""

    type: str
    title: str
    description: str
    """One line."""
    group: Group
    parameters: list[EvaluatorParameter]
    """Without `type`; those that are required first."""
    needs: list[Need]
    """What every item, or whoever runs it, has to have: `model` and `embeddings` are routes."""
    uses: list[Need]
    """What it uses where it is there, or unless a parameter takes its place."""
    gives: list[Given]
    """What a judgement's value may be, by its parameters."""
    low: float | None
    """The least value; null where there is no bound or its parameters decide."""
    high: float | None
    unit: str | None
    """Of numbers: `seconds`, `dollars`, `tokens`."""
    higher_is_better: bool | None
    """Null: neither, or its parameters decide."""
    paid: bool
    """It makes calls."""
    judge: bool
    """A model says what the value is: it may gate once it is calibrated."""
    extra: str | None
    """The extra of Penstock that it needs."""
    installed: bool
    """Whether that is there."""


class _About(NamedTuple):
    """What the definition itself does not say."""

    title: str
    group: Group
    gives: tuple[Given, ...]
    needs: tuple[Need, ...] = ()
    uses: tuple[Need, ...] = ()
    ends: tuple[float, float] | tuple[None, None] = (None, None)
    unit: str | None = None
    better: bool | None = True
    extra: str | None = None
    package: str | None = None
    """Module whose presence tells that the extra is installed."""


_UNIT: Final = (0.0, 1.0)
_ABOUT: Final[Mapping[str, _About]] = {
    "exact": _About("Exact match", "text", ("boolean",), ("reference",)),
    "contains": _About("Contains", "text", ("boolean",), (), ("reference",)),
    "regex": _About("Regular expression", "text", ("boolean",), (), ("reference",)),
    "length": _About("Length", "text", ("number", "boolean"), better=None),
    "numeric": _About("Number", "text", ("boolean",), ("reference",)),
    "language": _About(
        "Language", "text", ("label", "boolean"), (), ("reference",), extra="metrics", package="py3langid", better=None
    ),
    "json_schema": _About("JSON Schema", "structure", ("boolean",)),
    "fields": _About("JSON fields", "structure", ("number", "boolean"), ("reference",), ends=_UNIT),
    "edit_distance": _About("Edit similarity", "similarity", ("number",), ("reference",), ends=_UNIT),
    "token_overlap": _About("Word overlap (F1)", "similarity", ("number",), ("reference",), ends=_UNIT),
    "rouge": _About(
        "ROUGE", "similarity", ("number",), ("reference",), ends=_UNIT, extra="metrics", package="rouge_score"
    ),
    "bleu": _About("BLEU", "similarity", ("number",), ("reference",), ends=_UNIT, extra="metrics", package="sacrebleu"),
    "chrf": _About("chrF", "similarity", ("number",), ("reference",), ends=_UNIT, extra="metrics", package="sacrebleu"),
    "embedding": _About(
        "Embedding similarity", "similarity", ("number",), ("reference", "embeddings"), ends=(-1.0, 1.0)
    ),
    "latency": _About("Latency", "measure", ("number", "boolean"), unit="seconds", better=False),
    "cost": _About("Cost", "measure", ("number", "boolean"), ("price",), unit="dollars", better=False),
    "tokens": _About("Tokens", "measure", ("number", "boolean"), unit="tokens", better=False),
    "tool_calls": _About("Tool calls", "agent", ("boolean", "number"), (), ("tool calls", "reference"), ends=_UNIT),
    "trajectory": _About("Trajectory", "agent", ("boolean",), (), ("conversation", "tool calls")),
    "conversation": _About("Conversation", "agent", ("number", "boolean"), ("conversation",), better=None),
    "retrieval": _About(
        "Retrieval", "agent", ("number",), ("metadata",), ("reference",), extra="metrics", package="ir_measures"
    ),
    "rubric": _About("Rubric", "judge", ("boolean", "number"), ("model",), ("reference", "context")),
    "pairwise": _About(
        "Pairwise", "judge", ("number",), ("model",), ("baseline", "reference", "context"), ends=_UNIT
    ),
    "panel": _About("Panel of judges", "judge", ("boolean", "number"), ("model",), ("reference", "context")),
    "groundedness": _About("Groundedness", "judge", ("number",), ("model", "context"), ends=_UNIT),
    "instructions": _About("Instruction following", "judge", ("number",), ("model",), ("metadata",), ends=_UNIT),
    "autoevals": _About(
        "autoevals", "library", ("number",), (), ("reference", "context", "model"), ends=_UNIT,
        extra="autoevals", package="autoevals",
    ),
    "ragas": _About(
        "ragas", "library", ("number", "label"), (), ("reference", "context", "model", "embeddings"), ends=_UNIT,
        extra="ragas", package="ragas",
    ),
    "deepeval": _About(
        "deepeval", "library", ("number",), (), ("reference", "context", "model"), ends=_UNIT,
        extra="deepeval", package="deepeval",
    ),
}  # fmt: skip


def described() -> list[EvaluatorType]:
    """All types, by group. What is installed is looked up each time."""
    return [
        msgspec.structs.replace(
            one, installed=_ABOUT[one.type].package is None or find_spec(str(_ABOUT[one.type].package)) is not None
        )
        for one in _all()
    ]


@cache
def _all() -> tuple[EvaluatorType, ...]:
    return tuple(_described(kind, TYPES[kind], about) for kind, about in _ABOUT.items())


def _described(kind: str, cls: type[Definition], about: _About) -> EvaluatorType:
    low, high = about.ends
    return EvaluatorType(
        type=kind,
        title=about.title,
        description=" ".join((inspect.getdoc(cls) or "").partition("\n\n")[0].split()),
        group=about.group,
        parameters=sorted(_parameters(cls), key=lambda one: (not one.required, one.name == "name")),
        needs=list(about.needs),
        uses=list(about.uses),
        gives=list(about.gives),
        low=low,
        high=high,
        unit=about.unit,
        higher_is_better=about.better,
        paid=cls.paid,
        judge="model" in about.needs or about.group == "library",
        extra=about.extra,
        installed=True,
    )


def _parameters(cls: type[Definition]) -> list[EvaluatorParameter]:
    (found,), components = msgspec.json.schema_components([cls], ref_template="{name}")
    body = components[found["$ref"]] if "$ref" in found else found
    said = _documented(cls)
    made: list[EvaluatorParameter] = []
    for one in msgspec.structs.fields(cls):
        default: Any = None
        if one.default_factory is not msgspec.NODEFAULT:
            default = one.default_factory()
        elif one.default is not msgspec.NODEFAULT:
            default = one.default
        schema = cast("dict[str, Any]", _inlined(body["properties"][one.encode_name], components))
        made.append(
            EvaluatorParameter(
                name=one.encode_name,
                description=said.get(one.name, ""),
                required=one.required,
                default=msgspec.to_builtins(default),
                schema={name: value for name, value in schema.items() if name not in {"default", "title"}},
            )
        )
    return made


def _inlined(schema: Any, components: Mapping[str, Any]) -> Any:
    """A schema with what it refers to in place; no parameter refers to itself."""
    if isinstance(schema, dict):
        given = cast("dict[str, Any]", schema)
        if "$ref" in given:
            return _inlined(components[given["$ref"]], components)
        return {name: _inlined(value, components) for name, value in given.items()}
    if isinstance(schema, list):
        return [_inlined(one, components) for one in cast("list[Any]", schema)]
    return schema


def _documented(cls: type[Definition]) -> dict[str, str]:
    """What stands below each attribute in the source; nothing where the source is not there."""
    found: dict[str, str] = {}
    for owner in reversed(cls.__mro__):
        if not issubclass(owner, Definition):
            continue
        try:
            source = inspect.getsource(owner)
        except OSError:
            continue
        (tree,) = ast.parse(textwrap.dedent(source)).body
        if not isinstance(tree, ast.ClassDef):
            continue
        for one, after in pairwise(tree.body):
            if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and isinstance(after, ast.Expr):
                text = after.value.value if isinstance(after.value, ast.Constant) else None
                if isinstance(text, str):
                    found[one.target.id] = " ".join(text.split())
    return found
