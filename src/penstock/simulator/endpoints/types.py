"""What an endpoint is asked and what it answers."""

from collections.abc import Callable
from email.message import Message
from typing import Any, TypeVar

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from penstock.core.errors import InvalidInput
from penstock.core.ids import Ids
from penstock.simulator.config import SimulatorConfig
from penstock.simulator.endpoints.shelf import Shelf

__all__ = ["Asked", "Endpoint", "FormField", "Reply", "encode", "read_form", "read_json"]

T = TypeVar("T")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request of any content type."""

    body: bytes
    content_type: str
    config: SimulatorConfig
    ids: Ids
    now: int
    """Seconds since the epoch."""
    shelf: Shelf
    model: str | None = None
    """The model that the path names."""
    id: str = ""
    """The file or batch that the path names."""
    query: bytes = b""
    run: Callable[[str, bytes], tuple[int, bytes]]
    """Answers a chat or an embedding: path and body → status and JSON."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    body: bytes
    content_type: str = "application/json"


Endpoint = Callable[[Asked], Reply]
"""Raises InvalidInput or NotFound."""


class FormField(msgspec.Struct, frozen=True):
    """One part of a form; a file where it has a name of its own."""

    name: str
    data: bytes
    filename: str | None = None
    content_type: str | None = None

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")


def read_form(asked: Asked) -> dict[str, FormField]:
    """The parts of a multipart body by name; of several with one name, the last.

    Raises:
        InvalidInput: the body is no form.
    """
    head = Message()
    head["content-type"] = asked.content_type
    if head.get_content_type() != "multipart/form-data":
        raise InvalidInput("We expect a request of content type multipart/form-data.")
    fields: dict[str, FormField] = {}
    part: MultipartSegment | None = None
    data = bytearray()
    try:
        with PushMultipartParser(head.get_boundary("")) as parser:
            for event in parser.parse(asked.body):
                if isinstance(event, MultipartSegment):
                    part = event
                    data = bytearray()
                elif event is not None:
                    data += event
                elif part is not None:
                    name = part.name or ""
                    fields[name] = FormField(name, bytes(data), part.filename, part.content_type)
    except MultipartError as error:
        raise InvalidInput(f"Could not parse multipart form: {error}.") from error
    return fields


def read_json(asked: Asked, shape: type[T]) -> T:
    """The body as `shape`.

    Raises:
        InvalidInput: it is not.
    """
    try:
        return msgspec.json.decode(asked.body, type=shape)
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"Invalid request body: {error}.") from error


def encode(value: Any) -> Reply:
    """A JSON answer."""
    return Reply(body=msgspec.json.encode(value))
