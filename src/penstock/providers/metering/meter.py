"""Finds usage in an answer that passes, whole or streamed, and holds at most its last 256 KiB."""

import re
from typing import Final

import msgspec

from penstock.providers.failures import JSON_ERRORS
from penstock.providers.metering.reports import Metered, Report, Reports
from penstock.providers.sse import parse_frame
from penstock.wire.snapshot import ProviderKind

__all__ = ["MAX_HELD", "Meter"]

MAX_HELD: Final = 256 * 1024
MAX_TRIES: Final = 8
"""Members tried as the start of a body's end."""

_BLANK_LINE: Final = re.compile(rb"\r?\n\r?\n")
_MEMBER: Final = re.compile(rb'(?<!\\)"(?:usage|usageMetadata|model|modelVersion|meta|response|message)"\s*:')
_decode = msgspec.json.Decoder(Report).decode
_decode_list = msgspec.json.Decoder(list[Report]).decode


class Meter:
    """Taps one answer. What it is fed is never altered, and nothing that a provider sends makes it fail.

    Args:
        kind: Whose dialect the answer is in.
        path: Of the endpoint, below the provider's `base_url`.
        content_type: Of the answer; what is neither JSON nor an event stream has no usage within.
    """

    def __init__(self, kind: ProviderKind, *, path: str, content_type: str) -> None:
        media = content_type.partition(";")[0].strip().lower()
        self._reports = Reports(kind, images="images/" in path)
        self._stream = media == "text/event-stream"
        self._asleep = not self._stream and media != "application/json" and not media.endswith("+json")
        self._held = bytearray()
        self._cut = False

    def feed(self, data: bytes) -> None:
        """More of the answer, cut anywhere."""
        if self._asleep:
            return
        held = self._held
        # A blank line may be cut in four.
        searched = max(len(held) - 3, 0)
        held += data
        if self._stream:
            self._events(searched)
        if len(held) > MAX_HELD:
            del held[: len(held) - MAX_HELD]
            self._cut = True

    def finish(self) -> Metered:
        """The answer has ended, whole or not."""
        if self._held and not self._asleep:
            if self._stream:
                self._event(bytes(self._held))
            else:
                self._body(bytes(self._held), whole=not self._cut)
            self._held.clear()
        return self._reports.metered()

    def _events(self, searched: int) -> None:
        held = self._held
        start = 0
        for blank in _BLANK_LINE.finditer(held, searched):
            self._event(bytes(held[start : blank.end()]))
            start = blank.end()
            self._cut = False
        del held[:start]

    def _event(self, frame: bytes) -> None:
        if b'"usage' not in frame and b'"model' not in frame:
            return
        if self._cut:
            self._body(frame.strip(), whole=False)
            return
        event = parse_frame(frame)
        if event is not None:
            self._body(event[1], whole=True)

    def _body(self, data: bytes, *, whole: bool) -> None:
        report = _read(data) if whole else _read_end(data)
        if report is not None:
            self._reports.add(report)


def _read(data: bytes) -> Report | None:
    try:
        if data.lstrip()[:1] == b"[":
            # Gemini's stream without `alt=sse` is a list of answers; the last one counts for all.
            reports = _decode_list(data)
            return reports[-1] if reports else None
        return _decode(data)
    except JSON_ERRORS:
        return None


def _read_end(data: bytes) -> Report | None:
    """The report of an object of which only the end is there.

    From a member of the object itself on, the rest is the rest of an object, and reads as one once its
    opening brace is put back. From a member of something within, it is not: a closing brace is too many.
    """
    # A list of answers ends with the last of them.
    data = data.rstrip().removesuffix(b"]")
    starts = [found.start() for found in _MEMBER.finditer(data)]
    for start in starts[-MAX_TRIES:]:
        report = _read(b"{" + data[start:])
        if report is not None:
            return report
    return None
