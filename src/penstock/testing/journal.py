"""A journal folder filled by hand, as gateways would fill it."""

from pathlib import Path
from typing import Any

import msgspec

from penstock.wire.score import Score
from penstock.wire.span import Span, encode_span

__all__ = ["PROJECT", "JournalFolder"]

PROJECT = "01990000-0000-7000-8000-000000000001"
FIRST = 1_700_000_000_000_000


class JournalFolder:
    """Segments of one imaginary writer. Spans, and segments, are numbered from 1 and a millisecond apart.

    Args:
        folder: Made when it is not there.
        worker: The writer's name, 16 hex digits.
    """

    def __init__(self, folder: Path, *, worker: str = f"{1:016x}") -> None:
        self.folder = folder
        self.quarantine = folder / "quarantine"
        self.quarantine.mkdir(parents=True, exist_ok=True)
        self._worker = worker
        self._segments = 0
        self._spans = 0

    def span(self, **fields: Any) -> Span:
        """The next span: a successful call, unless `fields` say otherwise."""
        self._spans += 1
        number = self._spans
        given: dict[str, Any] = {
            "project": PROJECT,
            "trace_id": f"{number:032x}",
            "span_id": f"{number:016x}",
            "name": "chat gpt-4o-mini",
            "kind": "llm",
            "call": True,
            "started": FIRST + number * 1000,
            "operation": "chat",
        }
        return Span(**(given | fields))

    def line(self, span: Span | None = None, *, record: str = "span") -> bytes:
        """A journal line of the span, the next one by default."""
        data = encode_span(self.span() if span is None else span)
        return b'{"record":"%s",' % record.encode() + data[1:] + b"\n"

    def path(self, suffix: str = ".ndjson") -> Path:
        """Where the next segment lies."""
        self._segments += 1
        name = f"{FIRST + self._segments * 1000:016x}-{self._worker}-{self._segments:08x}"
        return self.folder / f"{name}{suffix}"

    def seal(self, *lines: bytes) -> Path:
        """A sealed segment of these lines."""
        path = self.path()
        path.write_bytes(b"".join(lines))
        return path

    def write(self, *spans: Span) -> Path:
        """A sealed segment of these spans."""
        return self.seal(*[self.line(span) for span in spans])

    def judge(self, *scores: Score) -> Path:
        """A sealed segment of these scores."""
        return self.seal(*[b'{"record":"score",' + msgspec.json.encode(score)[1:] + b"\n" for score in scores])
