"""A whole chat completion as the stream it could have been."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from penstock.providers.openai.relay import DONE
from penstock.providers.pieces import cut_text, cut_tokens
from penstock.providers.sse import format_event

__all__ = ["replay_chat"]

Members = dict[str, msgspec.Raw]

_decode_members = msgspec.json.Decoder(Members).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode

_TEXTS: Final = ("reasoning_content", "reasoning", "content", "refusal")
"""Members of a message that come in pieces, in this order."""
_NULL: Final = msgspec.Raw(b"null")


def replay_chat(body: bytes, *, include_usage: bool, chunk_characters: int) -> Iterator[bytes]:
    """Events, one choice after the other, with every member that the body has, known here or not.

    Raises:
        msgspec.MsgspecError: the body is no chat completion.
    """
    top = _decode_members(body)
    choices = [_decode_members(raw) for raw in _decode_list(top.pop("choices"))]
    usage = top.pop("usage", _NULL)
    head: dict[str, Any] = {**top, "object": "chat.completion.chunk"}
    tail: dict[str, Any] = {"usage": None} if include_usage else {}
    for number, choice in enumerate(choices):
        index = choice.pop("index", msgspec.Raw(b"%d" % number))
        for members in _choice(choice, chunk_characters):
            yield format_event(_encode({**head, "choices": [{"index": index, **members}], **tail}))
    if include_usage and not _is_null(usage):
        yield format_event(_encode({**head, "choices": [], "usage": usage}))
    yield DONE


def _choice(choice: Members, size: int) -> Iterator[dict[str, Any]]:
    message = _decode_members(choice.pop("message"))
    reason = choice.pop("finish_reason", _NULL)
    calls = message.pop("tool_calls", _NULL)
    texts = {name: text for name in _TEXTS if (text := _text(message.get(name))) is not None}
    has_logprobs = "logprobs" in choice
    kinds, tokens = _logprobs(choice.pop("logprobs", _NULL), texts)

    def told(delta: dict[str, Any], logprobs: dict[str, Any] | None = None) -> dict[str, Any]:
        some = {**dict.fromkeys((*kinds, *tokens)), **logprobs} if logprobs else None
        return {"delta": delta, **({"logprobs": some} if has_logprobs else {}), "finish_reason": None}

    # What has no tokens of its own stands on the first chunk: null, as a rule, and then only when nothing else is told.
    first = kinds if not tokens or not all(_is_null(raw) for raw in kinds.values()) else None
    yield told({"role": "assistant", **message, **dict.fromkeys(texts, "")}, first)
    for name, text in texts.items():
        for piece, probabilities in cut_tokens(text, tokens.get(name, []), size):
            yield told({name: piece}, {name: probabilities} if probabilities else None)
    if not _is_null(calls):
        for number, raw in enumerate(_decode_list(calls)):
            for piece in _call(number, _decode_members(raw), size):
                yield told({"tool_calls": [piece]})
    yield {**choice, **told({}), "finish_reason": reason}


def _logprobs(raw: msgspec.Raw, texts: dict[str, str]) -> tuple[Members, dict[str, list[msgspec.Raw]]]:
    """Members of `logprobs` that go as they are, and the tokens of those that go with a text."""
    kinds = {} if _is_null(raw) else _decode_members(raw)
    tokens = {name: _decode_list(kinds[name]) for name in texts if name in kinds and not _is_null(kinds[name])}
    tokens = {name: listed for name, listed in tokens.items() if listed}
    return {name: value for name, value in kinds.items() if name not in tokens}, tokens


def _call(number: int, call: Members, size: int) -> Iterator[dict[str, Any]]:
    """The opener with id and name, then the arguments (FAILURES G20)."""
    function = _decode_members(call["function"]) if "function" in call else {}
    arguments = _text(function.get("arguments"))
    if arguments is None:
        yield {"index": number, **call}
        return
    yield {"index": number, **call, "function": {**function, "arguments": ""}}
    for piece in cut_text(arguments, size):
        yield {"index": number, "function": {"arguments": piece}}


def _is_null(raw: msgspec.Raw) -> bool:
    return bytes(raw) == b"null"


def _text(raw: msgspec.Raw | None) -> str | None:
    """A member's text; None for one that is absent, null or no text."""
    return _decode_text(raw) if raw is not None and bytes(memoryview(raw)[:1]) == b'"' else None
