"""Usage objects of every vendor and endpoint as disjoint buckets; what fits no bucket is kept as it came."""

from typing import Final

import msgspec

from penstock.providers.anthropic.usage import merge_usage
from penstock.providers.anthropic.usage import read_usage as read_anthropic
from penstock.providers.failures import JSON_ERRORS
from penstock.providers.gemini.usage import read_usage as read_gemini
from penstock.providers.openai.usage import parse_usage
from penstock.wire.snapshot import ProviderKind
from penstock.wire.usage import Usage

__all__ = ["Metered", "Report", "Reports"]

NOTHING: Final = msgspec.Raw()
MAX_MODEL: Final = 256


class Metered(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer told about its use."""

    usage: Usage | None = None
    """None when nothing was reported, or not in tokens."""
    usage_raw: bytes | None = None
    """The vendor's own object, JSON."""
    model: str | None = None
    """The model that the answer names."""
    seconds: float | None = None
    """Of audio, where that is what is charged for."""
    searches: float | None = None
    """Search units of a rerank, where these are what is charged for."""


class _Inner(msgspec.Struct):
    """Where a stream's events wrap the answer: `message` (Anthropic), `response` (OpenAI)."""

    usage: msgspec.Raw = NOTHING
    model: msgspec.Raw = NOTHING


class _Billed(msgspec.Struct):
    search_units: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None


class _Meta(msgspec.Struct):
    billed_units: _Billed | None = None


class Report(msgspec.Struct, rename={"usage_metadata": "usageMetadata", "model_version": "modelVersion"}):
    """The members of an answer, or of an event, that tell of use. Values are read later, each by itself."""

    usage: msgspec.Raw = NOTHING
    usage_metadata: msgspec.Raw = NOTHING
    model: msgspec.Raw = NOTHING
    model_version: msgspec.Raw = NOTHING
    message: msgspec.Raw = NOTHING
    response: msgspec.Raw = NOTHING
    meta: msgspec.Raw = NOTHING


class _Plain(msgspec.Struct):
    """Members beside those that a chat's usage has."""

    total_tokens: int | None = None
    prompt_tokens: int | None = None
    seconds: float | None = None
    prompt_audio_seconds: float | None = None
    output_tokens_details: msgspec.Raw = NOTHING


_decode_inner = msgspec.json.Decoder(_Inner).decode
_decode_meta = msgspec.json.Decoder(_Meta).decode
_decode_plain = msgspec.json.Decoder(_Plain).decode
_decode_text = msgspec.json.Decoder(str).decode


class Reports:
    """Gathers an answer's reports: cumulative ones replace each other, they never add up (FAILURES G2).

    Args:
        kind: Whose dialect the answer is in.
        images: The answer is pictures, so its output tokens are those of images unless it says otherwise.
    """

    def __init__(self, kind: ProviderKind, *, images: bool = False) -> None:
        self._kind: ProviderKind = kind
        self._images = images
        self._raw: bytes | None = None
        self._model: str | None = None
        self._meta: bytes | None = None

    def add(self, report: Report) -> None:
        """The report of an answer, or the next of a stream."""
        for outer in (report.message, report.response):
            inner = _inner(outer)
            if inner is not None:
                self._take(inner.usage, inner.model)
        self._take(report.usage, report.model)
        self._take(report.usage_metadata, report.model_version)
        self._meta = _given(report.meta) or self._meta

    def metered(self) -> Metered:
        """What is known by now."""
        raw = self._raw
        if raw is None:
            return self._from_meta()
        # An object without these counts says nothing; the vendors' readers would take it for none used.
        if self._kind == "anthropic" and b'put_tokens"' in raw:
            return Metered(usage=read_anthropic(raw), usage_raw=raw, model=self._model)
        if self._kind == "gemini" and (b"promptTokenCount" in raw or b"candidatesTokenCount" in raw):
            return Metered(usage=read_gemini(raw), usage_raw=raw, model=self._model)
        plain = _plain(raw)
        usage = parse_usage(raw)
        if usage is None and plain.total_tokens is not None:
            # Rerank and embeddings of compatible servers: all of it is input.
            usage = Usage(input=max(plain.total_tokens, 0))
        if usage is not None and self._images and not _given(plain.output_tokens_details):
            usage = msgspec.structs.replace(usage, output=0, output_image=usage.output + usage.output_image)
        return Metered(usage=usage, usage_raw=raw, model=self._model, seconds=plain.seconds)

    def _take(self, usage: msgspec.Raw, model: msgspec.Raw) -> None:
        raw = _given(usage)
        if raw is not None and raw.startswith(b"{"):
            self._raw = merge_usage(self._raw, raw) if self._kind == "anthropic" else raw
        name = _text(model)
        if name:
            self._model = name.removeprefix("models/")

    def _from_meta(self) -> Metered:
        """Cohere's `meta.billed_units`."""
        try:
            billed = _decode_meta(self._meta).billed_units if self._meta else None
        except JSON_ERRORS:
            billed = None
        if billed is None:
            return Metered(model=self._model)
        usage = None
        if billed.input_tokens is not None or billed.output_tokens is not None:
            usage = Usage(input=_count(billed.input_tokens), output=_count(billed.output_tokens))
        return Metered(usage=usage, usage_raw=self._meta, model=self._model, searches=billed.search_units)


def _given(raw: msgspec.Raw) -> bytes | None:
    value = bytes(raw)
    return None if value in (b"", b"null") else value


def _inner(raw: msgspec.Raw) -> _Inner | None:
    if not bytes(raw).startswith(b"{"):
        return None
    try:
        return _decode_inner(raw)
    except JSON_ERRORS:
        return None


def _plain(raw: bytes) -> _Plain:
    try:
        return _decode_plain(raw)
    except JSON_ERRORS:
        return _Plain()


def _text(raw: msgspec.Raw) -> str | None:
    try:
        return _decode_text(raw)[:MAX_MODEL] if bytes(raw).startswith(b'"') else None
    except JSON_ERRORS:
        return None


def _count(value: float | None) -> int:
    return max(int(value or 0), 0)
