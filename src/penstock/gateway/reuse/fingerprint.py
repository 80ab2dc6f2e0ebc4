"""Which calls are the same call: a canonical fingerprint (FAILURES G23).

Two calls have the same fingerprint when every upstream must take them for the same question: same project, same
thing that serves them, same dialect, same vendor headers, and same members of the body whatever the order, the
white space, the way a character is escaped or a number is written. Members that nobody here knows count; only
those of `IGNORED` do not.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from penstock.providers.failures import JSON_ERRORS
from penstock.providers.types import InboundCall

__all__ = ["IGNORED", "cache_key", "fingerprint", "same_bytes", "served_by_route", "served_by_targets"]

IGNORED: Final = frozenset(
    {
        "stream",  # a cached answer is given in either form
        "stream_options",  # says what a stream tells beside the answer
        "user",  # who asks, for the vendor's abuse detection; the scope `user` adds it back
        "safety_identifier",  # its newer name
        "metadata",  # labels for the vendor's own lists
        "prompt_cache_key",  # where the vendor looks for the prompt it may have read before
        "store",  # whether the vendor keeps a copy
        "model",  # the name that was called; what serves it is in `serves`
    }
)
"""Members of the body that do not alter an answer."""

_STORED: Final = frozenset({"store"})
"""In Responses an answer can be continued later only when it was stored, so there `store` counts."""
_ECHOED: Final = ("metadata", "user", "safety_identifier", "prompt_cache_key")
"""Members that a response of that API repeats: they make no other answer, but other bytes."""

_HEADERS: Final = frozenset({"anthropic-version", "anthropic-beta", "openai-beta"})
"""The caller's headers that upstreams are given."""

Scope = Literal["project", "key", "user"]


def fingerprint(
    call: InboundCall,
    *,
    project: str,
    serves: str,
    scope: Scope = "project",
    owner: str | None = None,
) -> str:
    """BLAKE2b-128, hex.

    Args:
        call: The call, as it came.
        project: Project id.
        serves: What would answer: `served_by_route(…)` or `served_by_targets(…)`.
        scope: Who shares the answer.
        owner: For the scope `key` the key's id, for `user` the end user's.
    """
    digest = hashlib.blake2b(digest_size=16)
    headers = [(name, value) for name, value in sorted(call.headers.items()) if name in _HEADERS]
    digest.update(_encode((project, serves, call.operation, scope, owner if scope != "project" else None, headers)))
    ignored = IGNORED - _STORED if call.operation == "responses" else IGNORED
    fields = call.fields
    try:
        digest.update(_encode({name: _decode(fields[name]) for name in fields if name not in ignored}))
    except JSON_ERRORS:
        # What is nested too deeply to be read from here an upstream may read; it stands for itself, as it came.
        for name in sorted(fields.keys() - ignored):
            raw = bytes(fields[name])
            digest.update(_encode((name, len(raw))) + raw)
    return digest.hexdigest()


def cache_key(project: str, digest: str, *, generation: int = 0) -> str:
    """Where a cache keeps the answer to a call of this fingerprint.

    Args:
        project: Id of the caller's project.
        digest: Of the call.
        generation: Of the project's kept answers; those of another are not found.
    """
    return f"{project}/{generation}-{digest}"


def served_by_route(name: str, version: str, *, variants: Sequence[str] = ()) -> str:
    """A route at one version serves the call.

    Args:
        name: Of the route.
        version: Of the route: everything that alters an answer.
        variants: Those that remain for this very call, when a rule or a cohort has chosen by who calls. Left
            empty, callers of different cohorts would be given each other's answers.
    """
    return _serves("route", name, version, variants)


def served_by_targets(model: str, targets: Iterable[str]) -> str:
    """A model or an alias, called without a route: `targets` are `provider/model`, in order."""
    return _serves("targets", model, "", targets)


def same_bytes(call: InboundCall) -> tuple[bool, bool, str]:
    """What makes the bytes of two same calls the same: streaming, the usage chunk, and members that are repeated.

    A caller may be given the bytes of another's stream only when this is equal for both.
    """
    if call.operation != "responses":
        return call.stream, call.wants_usage, ""
    echoed = {name: bytes(call.fields[name]).decode("utf-8", "replace") for name in _ECHOED if name in call.fields}
    return call.stream, call.wants_usage, _encode(echoed).decode()


def _serves(kind: str, name: str, version: str, parts: Iterable[str]) -> str:
    return _encode((kind, name, version, list(parts))).decode()


def _number(text: str) -> int | msgspec.Raw:
    """One form for each value: 1.0, 1e0 and 1 are the same; 0.70 is 0.7. Exact, unlike a float."""
    mantissa, _, exponent = text.lower().partition("e")
    if len(exponent) > MAX_EXPONENT:
        return msgspec.Raw(text.encode())
    whole, _, fraction = mantissa.partition(".")
    sign = "-" if whole.startswith("-") else ""
    digits = (whole.removeprefix("-") + fraction).lstrip("0")
    significant = digits.rstrip("0")
    power = int(exponent or 0) - len(fraction) + len(digits) - len(significant)
    if not significant:
        return 0
    if 0 <= power < MAX_DIGITS and len(significant) < MAX_DIGITS:
        return int(f"{sign}{significant}{'0' * power}")
    return msgspec.Raw(f"{sign}{significant}e{power}".encode())


MAX_EXPONENT: Final = 18
"""Characters; a longer exponent is no number that a model is given, and stands as it came."""
MAX_DIGITS: Final = 400
"""Digits of a whole number that is written out: more than the largest double has."""

_decode = msgspec.json.Decoder(float_hook=_number).decode
_encode = msgspec.json.Encoder(order="sorted").encode
