"""Decides an answer: its reasoning, text, tool calls, finish reasons and usage. Knows no dialect."""

from collections.abc import Sequence
from hashlib import blake2b
from random import Random
from typing import Final, Literal

import msgspec

from penstock.core.clock import Clock
from penstock.core.ids import Ids
from penstock.simulator.ask import Ask, OfferedTool
from penstock.simulator.config import SimulatorConfig
from penstock.simulator.faults import Fault
from penstock.simulator.models import Vendor, is_reasoning_model
from penstock.simulator.pacing import Pace, Pacing
from penstock.simulator.prompt_cache import PromptCache
from penstock.simulator.schemas import sample_schema
from penstock.simulator.texts import TextSource, nouns_of, reasoning_text
from penstock.simulator.tokens import count_tokens, tokenize
from penstock.wire.usage import Usage

__all__ = ["Author", "Call", "Choice", "Completion", "Finish", "TokenLogprob", "chunked"]

Finish = Literal["stop", "length", "tool_calls", "content_filter"]

DEFAULT_REASONING: Final = 48
"""Tokens of reasoning of a model that thinks unasked."""
CALL_OVERHEAD: Final = 8
"""Tokens that a tool call takes beside its name and arguments."""
TWICE: Final = ("both", "parallel", "twice", "each of")


class Call(msgspec.Struct, frozen=True):
    id: str
    name: str
    arguments: str
    """JSON text; cut off when the token limit fell inside it."""


class TokenLogprob(msgspec.Struct, frozen=True):
    token: str
    logprob: float
    top: tuple[tuple[str, float], ...]
    """The likeliest tokens with their log probabilities, the chosen one first."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    reasoning: list[str] = []
    """Tokens."""
    text: list[str] = []
    """Tokens."""
    calls: list[Call] = []
    finish: Finish = "stop"
    stop_sequence: str | None = None
    logprobs: list[TokenLogprob] = []

    @property
    def content(self) -> str:
        return "".join(self.text)

    @property
    def thoughts(self) -> str:
        return "".join(self.reasoning)


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    """32 hex digits; each dialect puts its prefix before it."""
    created: int
    """Seconds since the epoch."""
    model: str
    choices: list[Choice]
    usage: Usage
    pace: Pace


def chunked(tokens: Sequence[str], size: int) -> list[str]:
    """Tokens joined in groups of `size`: the content events of a stream."""
    if size == 1:
        return list(tokens)
    return ["".join(tokens[start : start + size]) for start in range(0, len(tokens), size)]


class Author:
    """Writes completions, the same for the same seed and request.

    Raises:
        InvalidInput: a distribution, the trace or the replay file is not valid.
    """

    def __init__(self, config: SimulatorConfig, *, clock: Clock, ids: Ids) -> None:
        self._seed = config.seed
        self._clock = clock
        self._ids = ids
        self._pacing = Pacing(config)
        self._texts = TextSource(config)
        self._cache = PromptCache(share=config.cached)

    def write(self, ask: Ask, vendor: Vendor, fault: Fault) -> Completion:
        """The answer to a request.

        Raises:
            InvalidInput: the simulator cannot satisfy a schema of the request.
        """
        random = Random(self._digest(ask))  # noqa: S311 - texts, not secrets
        tokens, pace = self._pacing.draw(random)
        choices = [self._choice(ask, fault, random, fault.tokens or tokens) for _ in range(ask.n)]
        read, written = self._cache.look_up(ask, vendor)
        usage = Usage(
            input=max(0, ask.input_tokens - read - written),
            cache_read=read,
            cache_write=written,
            output=sum(len(choice.text) + sum(map(_cost, choice.calls)) for choice in choices),
            reasoning=sum(len(choice.reasoning) for choice in choices),
            input_image=ask.image_tokens,
        )
        return Completion(
            id=self._ids.trace_id(),
            created=self._clock.now() // 1_000_000,
            model=ask.model,
            choices=choices,
            usage=usage,
            pace=pace,
        )

    def _digest(self, ask: Ask) -> int:
        state = blake2b(f"{self._seed}\0{ask.seed}\0{ask.model}".encode(), digest_size=8)
        for segment in ask.segments:
            state.update(b"\0")
            state.update(segment.text.encode("utf-8", "surrogatepass"))
        return int.from_bytes(state.digest())

    def _choice(self, ask: Ask, fault: Fault, random: Random, tokens: int) -> Choice:
        limit = ask.max_tokens
        reasoning = self._reasoning(ask, random)
        if limit is not None and len(reasoning) >= limit:
            return Choice(reasoning=reasoning[:limit], finish="length")
        left = None if limit is None else limit - len(reasoning)
        calls = self._calls(ask, fault, random)
        if calls:
            kept, cut = _within(calls, left)
            finish: Finish = "length" if cut else "tool_calls"
            return Choice(reasoning=reasoning, calls=kept, finish=fault.finish or finish)
        text, stop = self._text(ask, random, tokens)
        finish = "stop"
        if left is not None and len(text) > left:
            text, stop, finish = text[:left], None, "length"
        return Choice(
            reasoning=reasoning,
            text=text,
            finish=fault.finish or finish,
            stop_sequence=stop,
            logprobs=[_logprob(token, ask.top_logprobs, random) for token in text] if ask.logprobs else [],
        )

    def _reasoning(self, ask: Ask, random: Random) -> list[str]:
        budget = ask.reasoning
        if budget is None:
            budget = DEFAULT_REASONING if is_reasoning_model(ask.model) else 0
        if budget <= 0:
            return []
        wanted = max(1, min(budget, round(budget * random.uniform(0.4, 1.0)), 2048))
        return tokenize(reasoning_text(ask.question, random, tokens=wanted))[:wanted]

    def _text(self, ask: Ask, random: Random, tokens: int) -> tuple[list[str], str | None]:
        """Tokens of the answer up to a stop sequence, and that sequence."""
        if ask.schema is not None:
            value = sample_schema(ask.schema or {"type": "object"}, random, nouns=nouns_of(ask.question))
            if not ask.schema:
                value = {"answer": self._texts.write(ask, random, tokens=tokens)[0]}
            written = tokenize(msgspec.json.encode(value).decode())
        else:
            text, own_length = self._texts.write(ask, random, tokens=tokens)
            written = tokenize(text) if own_length else _ended(tokenize(text)[:tokens])
        return _stop(written, ask.stop) if ask.stop else (written, None)

    def _calls(self, ask: Ask, fault: Fault, random: Random) -> list[Call]:
        nouns = nouns_of(ask.question)
        calls: list[Call] = []
        for tool in _asked_for(ask, fault):
            value = sample_schema(tool.schema or {"type": "object"}, random, nouns=nouns[len(calls) :])
            arguments = msgspec.json.encode(value).decode()
            calls.append(Call(self._ids.trace_id()[:24], tool.name, arguments))
        return calls


def _asked_for(ask: Ask, fault: Fault) -> list[OfferedTool]:
    """The tools to call, in order. See the simulator's documentation for the rule."""
    if not ask.tools or ask.tool_choice == "none":
        return []
    question = ask.question.lower()
    matched = [tool for tool in ask.tools if _mentioned(tool.name, question)]
    if ask.tool_choice == "tool":
        matched = [tool for tool in ask.tools if tool.name == ask.tool_name]
    elif fault.tool_calls is not None:
        source = matched or ask.tools
        return [source[number % len(source)] for number in range(fault.tool_calls)]
    elif ask.tool_choice == "required":
        matched = matched or ask.tools[:1]
    elif ask.tool_results:
        return []
    if not ask.parallel:
        return matched[:1]
    if len(matched) == 1 and any(word in question for word in TWICE):
        return matched * 2
    return matched


def _mentioned(name: str, question: str) -> bool:
    words = [word for word in name.lower().replace("-", "_").split("_") if len(word) > 3]
    return name.lower() in question or any(word in question for word in words)


def _cost(call: Call) -> int:
    return CALL_OVERHEAD + count_tokens(call.name) + count_tokens(call.arguments)


def _within(calls: list[Call], limit: int | None) -> tuple[list[Call], bool]:
    """The calls that fit, the last with its arguments cut off, and whether anything was cut."""
    if limit is None:
        return calls, False
    kept: list[Call] = []
    for call in calls:
        if _cost(call) > limit:
            room = limit - CALL_OVERHEAD - count_tokens(call.name)
            if room >= 0:
                kept.append(Call(call.id, call.name, "".join(tokenize(call.arguments)[:room])))
            return kept, True
        kept.append(call)
        limit -= _cost(call)
    return kept, False


def _ended(tokens: list[str]) -> list[str]:
    """The same number of tokens, the last a full stop."""
    return [*tokens[:-1], "."] if len(tokens) > 1 else tokens


def _stop(tokens: list[str], sequences: Sequence[str]) -> tuple[list[str], str | None]:
    text = "".join(tokens)
    found = [(at, sequence) for sequence in sequences if sequence and (at := text.find(sequence)) >= 0]
    if not found:
        return tokens, None
    at, sequence = min(found)
    return tokenize(text[:at]), sequence


def _logprob(token: str, count: int, random: Random) -> TokenLogprob:
    chosen = -round(random.expovariate(4), 6)
    other = token.swapcase() if token.swapcase() != token else f"{token}s"
    names = [token, other, *(f" alt{number}" for number in range(2, count))][:count]
    return TokenLogprob(token, chosen, tuple((name, chosen - number) for number, name in enumerate(names)))
