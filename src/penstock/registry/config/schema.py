"""The JSON Schema of penstock.yaml, and the documentation of its fields, from the types themselves."""

import ast
import functools
import inspect
import itertools
import sys
import types
import typing
from typing import Annotated, Any, Literal, cast, get_args, get_origin

import msgspec

from penstock.registry.config.bind import fields_of
from penstock.registry.config.forms import ALIAS, NAME, Form, written
from penstock.registry.config.types import Config

__all__ = ["SCHEMA_ID", "field_docs", "json_schema"]

SCHEMA_ID = "urn:penstock:configuration:1"
PLAIN: dict[object, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of the whole file. It accepts what the parser accepts, but for names that must refer to
    something, and shows editors the documentation of each field.
    """
    definitions: dict[str, Any] = {}
    _struct(Config, definitions)
    root = definitions.pop("Config")
    sections = root["properties"]
    sections["providers"]["anyOf"][0]["propertyNames"] = {"pattern": f"^{NAME.pattern}$"}
    sections["aliases"]["anyOf"][0]["propertyNames"] = {"pattern": f"^{ALIAS.pattern}$"}
    sections["routes"]["anyOf"][0]["propertyNames"] = {"pattern": f"^{ALIAS.pattern}$"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "penstock.yaml",
        **root,
        # An empty file is a valid one.
        "type": ["object", "null"],
        "patternProperties": {"^x-": True},
        "$defs": dict(sorted(definitions.items())),
    }


@functools.cache
def field_docs(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The text under each member, of the class and of its bases, on one line."""
    docs: dict[str, str] = {}
    names = {member.name: member.encode_name for member in msgspec.structs.fields(struct)}
    for base in reversed(struct.__mro__):
        if not (issubclass(base, msgspec.Struct) and base is not msgspec.Struct):
            continue
        tree = ast.parse(inspect.getsource(sys.modules[base.__module__]))
        body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == base.__name__)
        for statement, follower in itertools.pairwise(body):
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                text = _text_of(follower)
                if text is not None:
                    docs[names[statement.target.id]] = text
    return docs


def _text_of(node: ast.stmt) -> str | None:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split())
    return None


def _schema(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        form = cast("Form", arguments[1])
        return {**form.schema, "description": form.expected[0].upper() + form.expected[1:] + "."}
    if origin in {types.UnionType, typing.Union}:
        return {"anyOf": [_schema(option, definitions) for option in arguments]}
    if origin is Literal:
        return {"const": arguments[0]} if len(arguments) == 1 else {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1], definitions)}
    return _plain(hint, definitions)


def _plain(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if hint is types.NoneType:
        return {"type": "null"}
    if hint is Any:
        return {}
    if issubclass(hint, msgspec.Struct):
        return _struct(hint, definitions)
    return {"type": PLAIN[hint], **({"minLength": 1} if hint is str else {})}


def _struct(struct: type[msgspec.Struct], definitions: dict[str, Any]) -> dict[str, Any]:
    if struct.__name__ not in definitions:
        definitions[struct.__name__] = {}  # a strategy holds strategies
        docs = field_docs(struct)
        fields = fields_of(struct)
        definition: dict[str, Any] = {
            "type": "object",
            "description": " ".join((struct.__doc__ or "").split()),
            "properties": {
                name: {**_member(hint, member, definitions), "description": docs[name]}
                for name, (hint, member) in fields.items()
            },
            "additionalProperties": False,
        }
        required = [name for name, (_, member) in fields.items() if member.required]
        if required:
            definition["required"] = required
        definitions[struct.__name__] = definition
    return {"$ref": f"#/$defs/{struct.__name__}"}


def _member(hint: Any, member: msgspec.structs.FieldInfo, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _schema(hint, definitions)
    if member.required:
        return schema
    # A field with nothing after it has its default; the union may say so already.
    options: list[Any] = schema.get("anyOf", [schema])
    null: dict[str, Any] = {"type": "null"}
    result: dict[str, Any] = {"anyOf": options if null in options else [*options, null]}
    if isinstance(member.default, str | int | float):
        result["default"] = written(hint, member.default)
    return result
