"""What a simulator is told when it starts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from penstock.simulator.faults import Fault

__all__ = ["ReplayConfig", "SimulatorConfig", "TraceConfig"]


class ReplayConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Answers that were given before, from a JSONL of one question per line. Paths into a line use dots."""

    file: Path
    question: str = "question"
    """Field of the question."""
    answers: Mapping[str, str] = {}
    """Simulated model (a `*` glob) → field of its answer, as `{"gpt-4o*": "answers.gpt-4-1106-preview"}`.
    Empty: the field `answer` for every model."""


class TraceConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Output lengths, and times where the file has them, from a CSV of real requests."""

    file: Path
    columns: Mapping[str, str] = {}
    """Field (`input`, `output`, `arrival`, `ttft`, `latency`) → column, where they differ from Azure's traces."""


class SimulatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about a simulator. The defaults answer at once, without faults."""

    seed: int = 0
    """The same seed and the same request give the same answer; the same order of requests the same faults."""
    text: Literal["template", "echo"] = "template"
    """Where text comes from: sentences about the question, or the question itself."""
    replay: ReplayConfig | None = None
    """Known questions get recorded answers; others what `text` says."""
    output_tokens: str = "lognormal:60,0.5"
    """Distribution of the length of a template answer, tokens."""
    trace: TraceConfig | None = None
    """Takes the place of `output_tokens`, and of `ttft` and `latency` where the file has them."""
    ttft: str = "constant:0"
    """Distribution of the time to the first content event, seconds."""
    token_rate: str | None = None
    """Distribution of tokens per second, one draw per request. None: no pause between tokens."""
    latency: str | None = None
    """Distribution of the time of a whole answer that is not streamed. None: `ttft` and the token rate decide."""
    chunk_tokens: int = 1
    """Tokens per content event of a stream."""
    events_per_write: int = 1
    """Events that go into one write where the stream does not wait; more is faster."""
    faults: tuple[Fault, ...] = ()
    """Standing faults."""
    prompt_faults: bool = True
    """Obey `[[sim: status=429]]` in the last user message: a fault that passes through any gateway."""
    api_keys: tuple[str, ...] = ()
    """Keys that are let in; empty lets everyone in."""
    only_listed_models: bool = False
    """True: a model that is not listed is answered with the vendor's 404."""
    cached: float | None = None
    """Share of every prompt that counts as read from the provider's cache. None: prefixes that came before, of
    1,024 tokens and more, by each vendor's own rules."""
    embedding_dimensions: int = 1536
    """Length of a vector when the request names none."""
    max_body: int = 64 * 1024 * 1024
    """Bytes of a request body; more is answered with the vendor's 413."""
    history: int = 200
    """Requests that `GET /sim/requests` remembers."""
