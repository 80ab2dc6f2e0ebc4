"""The caller's body: JSON is read whole, forms and everything else stream through.

JSON is small, names the model anywhere, and is what a record keeps; audio, images and uploads are none of that.
"""

from collections.abc import AsyncGenerator, Mapping

import msgspec

from penstock.core.errors import InvalidInput, TooLarge
from penstock.gateway.passthrough.form import Form
from penstock.gateway.passthrough.types import Incoming
from penstock.providers.failures import JSON_ERRORS

__all__ = ["Body", "read_body"]

_encode = msgspec.json.Encoder().encode
_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class _Counted:
    """A source that counts what it gives, up to a limit."""

    def __init__(self, source: Incoming, limit: int) -> None:
        self._source = source
        self._limit = limit
        self.size = 0

    @property
    def method(self) -> str:
        return self._source.method

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        return self._source.headers

    async def read(self) -> bytes:
        data = await self._source.read()
        self.size += len(data)
        if self.size > self._limit:
            raise _too_large(self._limit, "max_upload")
        return data


class Body:
    """A request's body, in the one form that its content type asks for.

    Attributes:
        content_type: As it came; empty when none did.
        json: The whole body when it is a JSON object or another JSON value, else None.
        model: What the body names as its model, None when it names none (yet, in a form).
        length: Bytes to send, where they are known before the last; None is chunked.
    """

    def __init__(self, source: _Counted, content_type: str, length: int | None) -> None:
        self._source = source
        self._members: dict[str, msgspec.Raw] | None = None
        self._form: Form | None = None
        self._model: str | None = None
        self.content_type = content_type
        self.json: bytes | None = None
        self.length = length

    @property
    def model(self) -> str | None:
        return self._form.model if self._form is not None else self._model

    @property
    def size(self) -> int:
        """Bytes that came until now."""
        return self._source.size

    @property
    def user(self) -> str | None:
        """The end user's id, where a JSON body has OpenAI's `user`."""
        return _text(self._members, "user")

    @property
    def stream(self) -> bool:
        """True when a JSON body asks for a stream."""
        return self._members is not None and bytes(self._members.get("stream", b"")) == b"true"

    async def read_head(self, *, limit: int) -> None:
        """Read as far as is needed to know the model; JSON whole, to `limit` bytes.

        Raises:
            TooLarge: `request_too_large`.
            InvalidInput: the body is not what its content type says, or the caller left.
        """
        kind = self.content_type.partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            self._form = Form(self.content_type)
            await self._form.read_head(self._source)
        elif kind == "application/json" or kind.endswith("+json"):
            await self._read_json(limit)

    def name_model(self, model: str) -> None:
        """Have the body name `model`, the provider's spelling, in place of what it names.

        Raises:
            InvalidInput: the model of a form came too late.
        """
        if model == self.model:
            return
        if self._form is not None:
            grown = self._form.replace(model)
            self.length = None if self.length is None else self.length + grown
        elif self._members is not None:
            # Only the one member changes; of a name that came twice, the last is kept, which is the one that was read.
            self._members["model"] = msgspec.Raw(_encode(model))
            self.json = _encode(self._members)
            self.length = len(self.json)
            self._model = model

    async def parts(self) -> AsyncGenerator[bytes]:
        """What is to be sent, once.

        Raises:
            TooLarge: `request_too_large`.
            InvalidInput: a form that is none, or the caller left.
        """
        if self.json is not None:
            if self.json:
                yield self.json
        elif self._form is not None:
            async for part in self._form.parts(self._source):
                yield part
        else:
            while data := await self._source.read():
                yield data

    async def _read_json(self, limit: int) -> None:
        if self.length is not None and self.length > limit:
            raise _too_large(limit, "max_body")
        parts: list[bytes] = []
        while data := await self._source.read():
            parts.append(data)
            if self._source.size > limit:
                raise _too_large(limit, "max_body")
        self.json = b"".join(parts)
        self.length = len(self.json)
        if not self.json.strip():
            return
        try:
            self._members = _decode_members(self.json)
        except msgspec.ValidationError:
            # No object; the provider will say what it thinks of it.
            return
        except JSON_ERRORS as error:
            raise InvalidInput(f"The body is not valid JSON: {error}.", code="malformed_json") from error
        # Of two members of one name another parser may read the first; so only the one that was read goes on.
        self.json = _encode(self._members)
        self.length = len(self.json)
        self._model = _text(self._members, "model")


async def read_body(source: Incoming, *, max_json: int, max_upload: int) -> Body:
    """The body of a pass-through request, read as far as is needed to know its model.

    Args:
        source: The request.
        max_json: Bytes of a JSON body, which is held whole.
        max_upload: Bytes of any other.

    Raises:
        TooLarge: `request_too_large`: announced or come.
        InvalidInput: it is compressed, malformed, or the caller left.
    """
    headers = source.headers
    if headers.get(b"content-encoding", b"identity").strip().lower() not in (b"identity", b""):
        raise InvalidInput(
            "A request body must come uncompressed (content-encoding: identity).", code="unsupported_encoding"
        )
    declared = headers.get(b"content-length")
    length = int(declared) if declared is not None else None
    if length is None and b"transfer-encoding" not in headers:
        length = 0
    if length is not None and length > max_upload:
        raise _too_large(max_upload, "max_upload")
    body = Body(_Counted(source, max_upload), headers.get(b"content-type", b"").decode("latin-1"), length)
    await body.read_head(limit=max_json)
    return body


def _text(members: dict[str, msgspec.Raw] | None, name: str) -> str | None:
    raw = members.get(name) if members else None
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=str) or None
    except JSON_ERRORS:
        return None


def _too_large(limit: int, setting: str) -> TooLarge:
    return TooLarge(
        f"The request body is larger than the limit of {limit} bytes.",
        hint=f"Send less, or raise gateway.{setting} in penstock.yaml.",
        code="request_too_large",
    )
