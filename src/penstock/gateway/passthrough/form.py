"""Multipart forms that pass through: one field is read, and perhaps replaced; every other byte goes as it came."""

from collections.abc import AsyncIterator
from email.message import Message
from typing import Final

from multipart import MultipartError, MultipartSegment, PushMultipartParser

from penstock.core.errors import InvalidInput
from penstock.gateway.passthrough.types import Incoming

__all__ = ["HEAD_BYTES", "Form"]

HEAD_BYTES: Final = 64 * 1024
"""How far into a form its `model` is looked for before anything is sent. SDKs send fields before files."""
MAX_FIELD: Final = 1024
"""Bytes of a model's name."""
FIELD: Final = "model"


class Form:
    """A `multipart/form-data` body on its way.

    Held at any time: the first `HEAD_BYTES`, until they are sent, and what the caller sent last.

    Args:
        content_type: The request's.

    Attributes:
        model: The form's `model`, None while none has come. A model after the first `HEAD_BYTES` is
            known when it has passed, and cannot be replaced.

    Raises:
        InvalidInput: the content type names no boundary.
    """

    def __init__(self, content_type: str) -> None:
        head = Message()
        head["content-type"] = content_type
        boundary = head.get_boundary("")
        try:
            # Latin-1 reads every header; names that matter are ASCII.
            self._parser = PushMultipartParser(boundary, header_charset="latin-1", max_segment_count=1000)
        except MultipartError as error:
            raise _malformed(error) from error
        self._delimiter = b"--" + boundary.encode("latin-1", "replace")
        self._field: bytearray | None = None
        self._fed = 0
        self._head = b""
        self._in_head = True
        self._place: tuple[int, int] | None = None
        self.model: str | None = None

    async def read_head(self, source: Incoming) -> None:
        """Read until the model is known, at most `HEAD_BYTES` and what came with them.

        Raises:
            InvalidInput: what came is no form, or names two models.
        """
        parts: list[bytes] = []
        size = 0
        pending = b""
        while self.model is None and size < HEAD_BYTES:
            data = await source.read()
            if not data:
                break
            parts.append(data)
            size += len(data)
            pending = self._feed_by_part(pending + data)
        self._feed(pending)
        self._head = b"".join(parts)
        self._in_head = False

    def replace(self, model: str) -> int:
        """Send another model's name in place of the caller's; returns by how many bytes the body grows.

        Raises:
            InvalidInput: `model` came too late to be replaced, or not at all.
        """
        if self._place is None:
            raise InvalidInput(
                f"The form's {FIELD!r} did not come within its first {HEAD_BYTES} bytes.",
                field=FIELD,
                hint="Send it before the files.",
            )
        start, end = self._place
        name = model.encode()
        self._head = self._head[:start] + name + self._head[end:]
        self._place = (start, start + len(name))
        return len(name) - (end - start)

    async def parts(self, source: Incoming) -> AsyncIterator[bytes]:
        """The body, its head first.

        Raises:
            InvalidInput: what came is no form, or names a second model.
        """
        head, self._head = self._head, b""
        if head:
            yield head
        while data := await source.read():
            self._feed(data)
            yield data

    def _feed_by_part(self, data: bytes) -> bytes:
        """Feed `data` part by part, so that the end of a part is the end of what was fed; returns what is left.

        What is left is no longer than a delimiter could be.
        """
        size = len(self._delimiter) + 2
        start = 0
        while self.model is None:
            at = data.find(self._delimiter, start)
            if at < 0 or at + size > len(data):
                break
            self._feed(data[start : at + size])
            start = at + size
        keep = len(data) - min(size, len(data) - start) if self.model is None else start
        if keep > start and self.model is None:
            self._feed(data[start:keep])
            start = keep
        return data[start:]

    def _feed(self, data: bytes) -> None:
        if not data or self._parser.closed:
            return
        self._fed += len(data)
        try:
            for event in self._parser.parse(data):
                if isinstance(event, MultipartSegment):
                    self._field = bytearray() if event.name == FIELD and event.filename is None else None
                elif self._field is not None:
                    self._take(event)
        except MultipartError as error:
            raise _malformed(error) from error

    def _take(self, event: bytes | bytearray | None) -> None:
        field = self._field
        assert field is not None  # noqa: S101 - the caller looked
        if event is not None:
            field += event
            if len(field) > MAX_FIELD:
                raise InvalidInput(f"A model's name has at most {MAX_FIELD} bytes.", field=FIELD)
            return
        if self.model is not None:
            # Two readers of one form might take one each.
            raise InvalidInput("The form has two fields 'model'; expected one.", field=FIELD)
        try:
            self.model = field.decode()
        except UnicodeDecodeError as error:
            raise InvalidInput("The form's 'model' is not UTF-8.", field=FIELD) from error
        self._field = None
        if self._in_head:
            # What was fed ends with this part's line break, delimiter, and two bytes after it.
            end = self._fed - 2 - len(self._delimiter) - 2
            self._place = (end - len(field), end)


def _malformed(error: MultipartError) -> InvalidInput:
    return InvalidInput(f"The body is not multipart/form-data: {error}.", code="malformed_form")
