"""One event of a Messages stream, decoded as far as anyone here reads it."""

from typing import Final

import msgspec

from penstock.providers.anthropic.wire import EMPTY_OBJECT, NOTHING
from penstock.providers.failures import JSON_ERRORS
from penstock.providers.lenient import decode_odd

__all__ = ["ContentBlock", "Delta", "Event", "parse_event"]


class Delta(msgspec.Struct):
    """A delta of a content block, or of the message (`stop_reason`)."""

    type: str = ""
    text: str = ""
    partial_json: str = ""
    thinking: str = ""
    signature: str = ""
    stop_reason: str | None = None
    stop_sequence: str | None = None


class ContentBlock(msgspec.Struct):
    type: str
    id: str = ""
    name: str = ""
    text: str = ""
    thinking: str = ""
    signature: str | None = None
    data: str = ""
    input: msgspec.Raw = EMPTY_OBJECT


class StartedMessage(msgspec.Struct):
    id: str = ""
    model: str = ""
    usage: msgspec.Raw = NOTHING


class Event(msgspec.Struct):
    """Any event of the stream; which members are set depends on `type`."""

    type: str
    index: int = 0
    delta: Delta | None = None
    content_block: ContentBlock | None = None
    message: StartedMessage | None = None
    usage: msgspec.Raw = NOTHING


_decode: Final = msgspec.json.Decoder(Event).decode


def parse_event(data: bytes) -> Event | None:
    """One event; None for JSON of another shape, to be passed over.

    Raises:
        ValueError: the data is not JSON.
    """
    try:
        return _decode(data)
    except JSON_ERRORS:
        return decode_odd(_decode, data)
