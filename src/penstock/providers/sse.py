"""Server-sent events, split as they arrive (WHATWG HTML §9.2), for the hottest path of the gateway.

Work is done per frame with `find` and `split` on bytes, never per byte. A *frame* is what stands
between two blank lines, its own blank line included, as the bytes that came; an *event* is what a
frame means.
"""

import re
from typing import Final

from penstock.core.errors import UpstreamError

__all__ = ["MAX_EVENT_BYTES", "SseSplitter", "format_event", "parse_frame"]

MAX_EVENT_BYTES: Final = 8 * 1024 * 1024

_BOM: Final = b"\xef\xbb\xbf"
# A carriage return that a line feed follows is half a line end, so it never counts as the first of two.
_BLANK_LINE: Final = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")


class SseSplitter:
    """Splits a byte stream, cut anywhere, into frames or events.

    Lines end with LF, CRLF or CR. One event may span any number of chunks up to `max_event` bytes.

    Attributes:
        failure: Set (`upstream_event_too_large`) when a frame outgrew the bound. What preceded it
            was returned; nothing fed afterwards is looked at.
    """

    __slots__ = ("_carriage_returns", "_first", "_max", "_pending", "failure")

    def __init__(self, *, max_event: int = MAX_EVENT_BYTES) -> None:
        self.failure: UpstreamError | None = None
        self._max = max_event
        self._pending = bytearray()
        self._carriage_returns = False
        self._first = True

    def frames(self, data: bytes) -> list[bytes]:
        """The frames that `data` completes, byte for byte; a leading byte order mark is dropped."""
        if self.failure is not None:
            return []
        if not self._carriage_returns and b"\r" in data:
            self._carriage_returns = True
        if self._carriage_returns:
            frames = self._split_any(data)
        elif not self._pending and data.endswith(b"\n\n"):
            frames = _split_lf(data)
        else:
            frames = self._split_lf_cut(data)
        if self._first and frames:
            self._first = False
            frames[0] = frames[0].removeprefix(_BOM)
        return frames if len(data) <= self._max and len(self._pending) <= self._max else self._bounded(frames)

    def feed(self, data: bytes) -> list[tuple[str, bytes]]:
        """The events that `data` completes, as `(name, data)`; name is empty when the stream gave none."""
        return _events(self.frames(data))

    def finish(self) -> list[tuple[str, bytes]]:
        """The event left at the end of the body, for servers that omit the last blank line.

        It may have been cut short, so broken data in it means a cut stream rather than a malformed one.
        """
        return _events(self.rest())

    def rest(self) -> list[bytes]:
        """The frame left at the end of the body, if any; see `finish`."""
        if self.failure is not None:
            return []
        left = bytes(self._pending)
        self._pending.clear()
        if self._first:
            left = left.removeprefix(_BOM)
        return [left] if left.strip() else []

    def _split_lf_cut(self, data: bytes) -> list[bytes]:
        pending = self._pending
        # The blank line may be cut too, so the search goes one byte back.
        searched = max(len(pending) - 1, 0)
        pending += data
        end = pending.rfind(b"\n\n", searched)
        if end < 0:
            return []
        whole = bytes(pending[: end + 2])
        del pending[: end + 2]
        return _split_lf(whole)

    def _split_any(self, data: bytes) -> list[bytes]:
        pending = self._pending
        searched = max(len(pending) - 3, 0)
        pending += data
        frames: list[bytes] = []
        start = 0
        for match in _BLANK_LINE.finditer(pending, searched):
            frames.append(bytes(pending[start : match.end()]))
            start = match.end()
        if start:
            del pending[:start]
        return frames

    def _bounded(self, frames: list[bytes]) -> list[bytes]:
        for position, frame in enumerate(frames):
            if len(frame) > self._max:
                self._fail()
                return frames[:position]
        if len(self._pending) > self._max:
            self._fail()
        return frames

    def _fail(self) -> None:
        self._pending = bytearray()
        self.failure = UpstreamError(
            f"The upstream sent one stream event of more than {self._max} bytes.",
            code="upstream_event_too_large",
        )


def parse_frame(frame: bytes) -> tuple[str, bytes] | None:
    """What a frame means, as `(name, data)`; None for comments, blanks and frames without data."""
    if frame.startswith(b"data: ") and frame.endswith(b"\n\n") and frame.find(b"\n") == len(frame) - 2:
        # One `data:` line, which is nearly every frame there is.
        return "", frame[6:-2]
    name = ""
    lines: list[bytes] = []
    for line in frame.splitlines():
        field, colon, value = line.partition(b":")
        if not field and colon:
            continue
        value = value.removeprefix(b" ")
        if field == b"data":
            lines.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
    if not lines:
        return None
    return name, lines[0] if len(lines) == 1 else b"\n".join(lines)


def format_event(data: bytes, name: str = "") -> bytes:
    """One event on the wire. `data` is one line, as JSON from an encoder always is."""
    if name:
        return b"event: %b\ndata: %b\n\n" % (name.encode(), data)
    return b"data: %b\n\n" % data


def _split_lf(whole: bytes) -> list[bytes]:
    if whole.find(b"\n\n") == len(whole) - 2:
        return [whole]
    parts = whole.split(b"\n\n")
    # An odd number of line ends leaves one over.
    left = parts.pop()
    frames = [part + b"\n\n" for part in parts]
    frames[-1] += left
    return frames


def _events(frames: list[bytes]) -> list[tuple[str, bytes]]:
    return [event for frame in frames if (event := parse_frame(frame)) is not None]
