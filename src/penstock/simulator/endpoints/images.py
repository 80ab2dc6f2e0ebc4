"""`/v1/images/*`: real PNG files of one colour, chosen by the prompt."""

import base64
import struct
import zlib
from hashlib import blake2b
from typing import Any, Final, Literal

import msgspec

from penstock.core.errors import InvalidInput
from penstock.simulator.endpoints.types import Asked, Reply, encode, read_form, read_json
from penstock.simulator.tokens import count_tokens

__all__ = ["edit", "generate", "png"]

IMAGE_TOKENS: Final = {"low": 272, "medium": 1056, "high": 4160, "auto": 1056, "standard": 1056}
"""Output tokens of a square picture by its quality, as OpenAI lists them for gpt-image-1."""
GIVEN_IMAGE_TOKENS: Final = 323
MAX_IMAGES: Final = 10


class _Request(msgspec.Struct):
    prompt: str
    model: str = "gpt-image-1"
    n: int | None = 1
    quality: str | None = "auto"
    size: str | None = "1024x1024"
    stream: bool | None = False
    partial_images: int | None = 0
    response_format: Literal["b64_json", "url"] | None = None


def generate(asked: Asked) -> Reply:
    """`POST /v1/images/generations`."""
    return _answer(asked, read_json(asked, _Request), given=0)


def edit(asked: Asked) -> Reply:
    """`POST /v1/images/edits` and `/v1/images/variations`, from a form with `image` and, mostly, `prompt`."""
    form = read_form(asked)
    pictures = [field for name, field in form.items() if name.startswith("image")]
    if not pictures or not all(field.data for field in pictures):
        raise InvalidInput("Missing required parameter: 'image'.", field="image")
    texts = {name: field.text for name, field in form.items() if field.filename is None}
    try:
        request = msgspec.convert({"prompt": "", **texts}, _Request, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"Invalid form: {error}.") from error
    return _answer(asked, request, given=len(pictures) * GIVEN_IMAGE_TOKENS)


def png(text: str, *, width: int, height: int) -> bytes:
    """A picture of one colour, which the text decides."""
    colour = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=3).digest()
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + colour * width) * height
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows, 1)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _answer(asked: Asked, request: _Request, *, given: int) -> Reply:
    count = request.n or 1
    if not 1 <= count <= MAX_IMAGES:
        raise InvalidInput(f"Expected 'n' between 1 and {MAX_IMAGES}, got {count}.", field="n")
    width, height = _size(request.size or "auto")
    pictures = [png(f"{request.prompt}\0{number}", width=width, height=height) for number in range(count)]
    texts = count_tokens(request.prompt)
    made = count * IMAGE_TOKENS.get(request.quality or "auto", IMAGE_TOKENS["auto"])
    usage: dict[str, Any] = {
        "total_tokens": texts + given + made,
        "input_tokens": texts + given,
        "output_tokens": made,
        "input_tokens_details": {"text_tokens": texts, "image_tokens": given},
    }
    if request.stream:
        return _stream(asked, request, pictures[0], usage)
    if request.model.startswith("dall-e"):
        data = [{"url": f"data:image/png;base64,{_base64(one)}"} for one in pictures]
        if request.response_format == "b64_json":
            data = [{"b64_json": _base64(one)} for one in pictures]
        return encode({"created": asked.now, "data": data})
    data = [{"b64_json": _base64(one)} for one in pictures]
    return encode({"created": asked.now, "data": data, "output_format": "png", "usage": usage})


def _stream(asked: Asked, request: _Request, picture: bytes, usage: dict[str, Any]) -> Reply:
    events: list[dict[str, Any]] = [
        {
            "type": "image_generation.partial_image",
            "b64_json": _base64(picture),
            "created_at": asked.now,
            "partial_image_index": number,
        }
        for number in range(request.partial_images or 0)
    ]
    events.append(
        {
            "type": "image_generation.completed",
            "b64_json": _base64(picture),
            "created_at": asked.now,
            "usage": usage,
        }
    )
    body = b"".join(
        b"event: %b\ndata: %b\n\n" % (event["type"].encode(), msgspec.json.encode(event)) for event in events
    )
    return Reply(body=body, content_type="text/event-stream; charset=utf-8")


def _size(size: str) -> tuple[int, int]:
    if size == "auto":
        return 1024, 1024
    width, _, height = size.partition("x")
    if not (width.isdecimal() and height.isdecimal() and 0 < int(width) <= 2048 and 0 < int(height) <= 2048):
        raise InvalidInput(f"Invalid value: '{size}'. Expected a size such as 1024x1024.", field="size")
    return int(width), int(height)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
