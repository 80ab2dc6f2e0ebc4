"""Journal segments full of believable spans, the same for the same seed.

    python bench/spans.py FOLDER [SPANS] [SEED]

Text is a second-order Markov chain over real questions and answers when `../shared/data` is there
(a small built-in corpus otherwise), so that it compresses as prose does, not as repetition.
Models, routes, keys and sessions are skewed as they are in practice; arrivals follow the hours of a
day; one call in fifty has several attempts and so several spans; one in thirty belongs to a trace that an
application sent, with an agent, a tool and several calls.
"""

import json
import math
import random
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import msgspec

from penstock.wire.span import Span

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "data" / "gsm8k-answers.jsonl"
FALLBACK = (
    "The gate opens when the river rises and the turbine takes what the pipe brings. "
    "A call goes through the gateway and leaves a record of its tokens, its cost and its text. "
    "The model reads the question, thinks about each step and writes the answer in plain words. "
) * 8
START = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z."""
DAY = 86_400_000_000
PROJECTS = ("01990000-0000-7000-8000-000000000001", "01990000-0000-7000-8000-000000000002")
MODELS = (
    # provider, model, weight, nano-dollars per token in and out, tokens per second
    ("openai", "gpt-4o-mini", 30, 150, 600, 90),
    ("openai", "gpt-4o", 14, 2500, 10000, 60),
    ("openai", "o4-mini", 6, 1100, 4400, 110),
    ("anthropic", "claude-sonnet-4-5", 18, 3000, 15000, 65),
    ("anthropic", "claude-haiku-4-5", 9, 1000, 5000, 130),
    ("gemini", "gemini-2.5-flash", 12, 300, 2500, 180),
    ("vllm", "llama-3.3-70b", 7, None, None, 45),
    ("openai", "text-embedding-3-small", 4, 20, 0, 2000),
)
ROUTES = (None, "support", "search", "summarise", "extract", "agent", "nightly-batch")
POOL_CHARACTERS = 48_000_000


def prose(rng: random.Random, characters: int) -> str:
    """One long text with the statistics of the corpus."""
    if CORPUS.exists():
        rows = [json.loads(line) for line in CORPUS.read_text().splitlines()]
        source = " ".join(" ".join((row["question"], *row["answers"].values())) for row in rows)
    else:
        source = FALLBACK
    words = source.split(" ")
    follow: dict[tuple[str, str], list[str]] = defaultdict(list)
    for first, second, third in zip(words, words[1:], words[2:], strict=False):
        follow[first, second].append(third)
    starts = list(follow)
    pick, out, length = rng.random, [], 0
    pair = rng.choice(starts)
    while length < characters:
        options = follow.get(pair)
        if options is None or pick() < 0.02:
            pair = starts[int(pick() * len(starts))]
            continue
        word = options[int(pick() * len(options))]
        if word.isdigit():
            word = str(int(pick() * 10_000))
        out.append(word)
        length += len(word) + 1
        pair = (pair[1], word)
    return " ".join(out)


def _message(role: str, text: str, **more: str) -> dict[str, object]:
    return {"role": role, "parts": [{"type": "text", "content": text}], **more}


class _Source:
    """Draws spans; everything random comes from one generator."""

    def __init__(self, seed: int, *, days: float, text: int, total: int, start: int) -> None:
        self.rng = random.Random(seed)
        self.text = text
        self.days = days
        self.total = total
        self.start = start
        self.pool = prose(self.rng, min(POOL_CHARACTERS, max(200_000, total * text)))
        self.weights = [row[2] for row in MODELS]
        self.keys = [f"01990000-0000-7000-8000-0000000001{n:02x}" for n in range(40)]
        self.key_weights = [1 / (n + 1) for n in range(40)]

    def slice(self, characters: int) -> str:
        at = int(self.rng.random() * (len(self.pool) - characters))
        return self.pool[at : at + characters]

    def times(self) -> list[int]:
        """Arrivals over the days, three times denser at noon than at midnight."""
        out = []
        random_ = self.rng.random
        while len(out) < self.total:
            at = random_() * self.days
            if random_() < 0.5 - 0.5 * 0.66 * math.cos(2 * math.pi * at):
                out.append(self.start + int(at * DAY))
        out.sort()
        return out

    def call(self, started: int) -> Iterator[Span]:
        rng = self.rng
        provider, model, _, price_in, price_out, rate = rng.choices(MODELS, self.weights)[0]
        embedding = model.startswith("text-embedding")
        question = int(self.text * (0.3 + 0.5 * rng.random()))
        answer = 0 if embedding else max(20, int(rng.gauss(self.text - question, 60)))
        tokens_in, tokens_out = question // 4 + 12, answer // 4
        cached = tokens_in // 2 if rng.random() < 0.2 else 0
        reasoning = int(rng.random() * 900) if model in {"o4-mini", "gemini-2.5-flash"} else 0
        failed = rng.random()
        status = "error" if failed < 0.018 else "interrupted" if failed < 0.022 else "ok"
        ttft = int(rng.lognormvariate(12.9, 0.55))
        duration = ttft + int((tokens_out + reasoning) * 1_000_000 / rate * rng.lognormvariate(0, 0.2))
        stream = not embedding and rng.random() < 0.7
        cost = None if price_in is None else (tokens_in - cached) * price_in + cached * price_in // 2
        if cost is not None and price_out is not None:
            cost += (tokens_out + reasoning) * price_out
        route = rng.choices(ROUTES, (20, 22, 15, 12, 10, 16, 5))[0]
        fields = {
            "project": PROJECTS[0] if rng.random() < 0.9 else PROJECTS[1],
            "trace_id": f"{rng.getrandbits(128):032x}",
            "name": f"{'embeddings' if embedding else 'chat'} {model}",
            "operation": "embeddings" if embedding else "chat",
            "stream": stream,
            "route": route,
            "requested_model": route or f"{provider}/{model}",
            "session": f"session-{int(rng.paretovariate(0.8)) % 400_000:06x}" if rng.random() < 0.6 else None,
            "user": f"{rng.randrange(20_000) * 2654435761 % 2**64:016x}" if rng.random() < 0.5 else None,
            "key": rng.choices(self.keys, self.key_weights)[0],
            "tags": {"environment": "production", "team": rng.choice(("search", "care", "growth"))}
            if rng.random() < 0.3
            else {},
        }
        outcome = {
            "kind": "embedding" if embedding else "llm",
            "ttft": ttft if stream else None,
            "provider": provider,
            "served_model": model,
            "price_version": None if cost is None else "genai-prices-0.2.1",
            "attributes": msgspec.Raw(
                b'{"gen_ai.request.temperature":0.%d,"gen_ai.response.id":"chatcmpl-%s"}'
                % (rng.randrange(10), f"{rng.getrandbits(96):024x}".encode())
            ),
        }
        content = {
            "fingerprint": f"{rng.getrandbits(128):032x}",
            "input": msgspec.Raw(msgspec.json.encode([_message("user", self.slice(question))])),
        }
        if status == "error":
            outcome |= {"error_type": "upstream_error", "error_message": "The provider answered 503.", "cost": 0}
            answered: dict[str, object] = {}
            http = 502
        else:
            http = 200
            outcome |= {
                "usage_input": tokens_in - cached,
                "usage_cache_read": cached,
                "usage_output": tokens_out,
                "usage_reasoning": reasoning,
                "cost": cost,
                "usage_raw": msgspec.Raw(
                    b'{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}'
                    % (tokens_in, tokens_out + reasoning, tokens_in + tokens_out + reasoning)
                ),
                "finish_reasons": ["stop"],
            }
            answered = {
                "output": msgspec.Raw(
                    msgspec.json.encode([_message("assistant", self.slice(answer), finish_reason="stop")])
                )
            }
        if rng.random() >= 0.02:
            yield Span(
                **fields,
                **outcome,
                **content,
                **answered,
                span_id=f"{rng.getrandbits(64) or 1:016x}",
                call=True,
                started=started,
                duration=duration,
                status=status,
                http_status=http,
            )
            return
        root = f"{rng.getrandbits(64) or 1:016x}"
        first = int(rng.random() * 400_000) + 20_000
        refused = outcome | {"cost": 0, "error_type": "upstream_error", "error_message": "The provider answered 429."}
        for bucket in ("usage_input", "usage_cache_read", "usage_output", "usage_reasoning", "usage_raw"):
            refused.pop(bucket, None)
        yield Span(
            **fields,
            **refused,
            span_id=f"{rng.getrandbits(64) or 1:016x}",
            parent_id=root,
            started=started,
            duration=first,
            status="error",
        )
        yield Span(
            **fields,
            **outcome,
            span_id=f"{rng.getrandbits(64) or 1:016x}",
            parent_id=root,
            started=started + first,
            duration=duration,
            status=status,
        )
        yield Span(
            **fields,
            **content,
            **answered,
            kind="gateway",
            span_id=root,
            call=True,
            started=started,
            duration=first + duration,
            ttft=first + ttft if stream else None,
            status=status,
            http_status=http,
            provider=provider,
            served_model=model,
            finish_reasons=["stop"] if http == 200 else [],
        )

    def trace(self, started: int) -> Iterator[Span]:
        """A call by itself, or what an application did around some."""
        rng = self.rng
        if rng.random() >= 1 / 30:
            yield from self.call(started)
            return
        root = f"{rng.getrandbits(64) or 1:016x}"
        at = started + int(rng.random() * 50_000)
        spans: list[Span] = []
        for _ in range(rng.randrange(1, 4)):
            spans.append(self.tool(at, root))
            at += spans[-1].duration
            call = list(self.call(at))
            for span in call:
                span.parent_id = root if span.call else span.parent_id
            spans += call
            at = max(span.started + span.duration for span in call) + 1000
        told = next(span for span in spans if span.call)
        for span in spans:
            span.trace_id, span.project = told.trace_id, told.project
            span.session, span.user, span.tags = told.session, told.user, told.tags
        yield Span(
            project=told.project, trace_id=told.trace_id, span_id=root, name="invoke_agent shop", kind="agent",
            source="otlp", service="shop", started=started, duration=at - started, session=told.session,
            user=told.user, tags=told.tags, input=told.input, output=told.output,
            attributes=msgspec.Raw(b'{"gen_ai.agent.name":"shop"}'),
        )  # fmt: skip
        yield from spans

    def tool(self, started: int, parent: str) -> Span:
        rng = self.rng
        name = rng.choice(("search_orders", "get_weather", "lookup_customer"))
        return Span(
            project=PROJECTS[0], trace_id="0" * 32, span_id=f"{rng.getrandbits(64) or 1:016x}", parent_id=parent,
            name=f"execute_tool {name}", kind="tool", source="otlp", service="shop", started=started,
            duration=int(rng.lognormvariate(11.5, 0.8)), status="error" if rng.random() < 0.03 else "ok",
            attributes=msgspec.Raw(b'{"gen_ai.tool.name":"%s"}' % name.encode()),
        )  # fmt: skip


def write_segments(
    folder: Path,
    spans: int,
    seed: int,
    *,
    per_segment: int = 10_000,
    days: float = 30.0,
    text: int = 2000,
    start: int = START,
) -> list[Path]:
    """Sealed segments with at least `spans` spans in all, in time order; returns their paths.

    Args:
        folder: An existing journal folder.
        spans: How many.
        seed: The same seed writes the same bytes.
        per_segment: Spans in one file.
        days: Length of the time over which the calls are spread.
        text: Characters of question and answer together, on average.
        start: Microseconds since the epoch of the first.
    """
    source = _Source(seed, days=days, text=text, total=spans, start=start)
    encode = msgspec.json.Encoder().encode
    paths: list[Path] = []
    lines: list[bytes] = []
    first = start

    def flush() -> None:
        path = folder / f"{first:016x}-{seed:016x}-{len(paths):08x}.ndjson"
        path.write_bytes(b"".join(lines))
        paths.append(path)
        lines.clear()

    written = 0
    for started in source.times():
        for span in source.trace(started):
            if not lines:
                first = started
            lines.append(b'{"record":"span",' + encode(span)[1:] + b"\n")
            written += 1
        if len(lines) >= per_segment:
            flush()
        if written >= spans:
            break
    if lines:
        flush()
    return paths


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    made = write_segments(target, count, int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    print(f"{len(made)} segments, {sum(path.stat().st_size for path in made) / 1e6:.0f} MB in {target}")
