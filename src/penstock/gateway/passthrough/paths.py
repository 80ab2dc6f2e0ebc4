"""Whose endpoint a path is, and nothing that could make it another's.

A path is passed on as the bytes that came, so it is refused unless every reader takes it the same way: no
dot segments, no empty ones, no encoded slashes, backslashes or percent signs. What is left is always below
the provider's `base_url` (FAILURES G29).
"""

import re
from collections.abc import Mapping
from typing import Final, cast, get_args
from urllib.parse import parse_qsl, unquote, unquote_to_bytes, urlsplit

from penstock.core.errors import InvalidInput, NotFound
from penstock.gateway.passthrough.types import CallerDialect, Endpoint, Method
from penstock.providers.types import Operation
from penstock.wire.snapshot import ProviderEntry, ProviderKind

__all__ = ["METHODS", "endpoint_of", "operation_of", "template_of"]

METHODS: Final[frozenset[str]] = frozenset(get_args(Method))
MAX_PATH: Final = 2048
MAX_QUERY: Final = 8192

_SEGMENT: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+")
_QUERY: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?%\[\]|{}^-]*")
_VERSION: Final = re.compile(r"v\d+[a-z0-9]*")
_FORBIDDEN: Final = frozenset(b"/\\%?#") | frozenset(range(32)) | {127}
_CREDENTIALS: Final = frozenset({"key", "api_key", "api-key", "apikey", "access_token", "oauth_token", "token"})
_KINDS: Final[frozenset[str]] = frozenset(get_args(ProviderKind))
_DIALECTS: Final[Mapping[ProviderKind, CallerDialect]] = {
    "openai": "openai",
    "azure": "openai",
    "anthropic": "anthropic",
    "gemini": "gemini",
}
_GEMINI_ROOTS: Final = ("v1beta", "v1alpha")
_GEMINI_MODEL: Final = re.compile(r"(?:models|tunedModels)/([^/:]+)(?::\w+)?")
_DEPLOYMENT: Final = re.compile(r"deployments/([^/]+)(?:/.*)?")
_OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("openai", "chat/completions"): "chat",
    ("openai", "responses"): "responses",
    ("openai", "embeddings"): "embeddings",
    ("anthropic", "messages"): "messages",
    ("anthropic", "messages/count_tokens"): "count_tokens",
}
_ID: Final = re.compile(
    r"(?=[^:]*\d)(?:[a-zA-Z]+[-_])*[A-Za-z0-9]{9,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
)
"""`file-abc123def456`, `batch_…`, a UUID: long, and with a digit, which names of models and verbs are not both."""


def endpoint_of(
    method: str,
    raw_path: bytes,
    query: bytes,
    *,
    providers: Mapping[str, ProviderEntry],
    anthropic: bool = False,
    google: bool = False,
) -> Endpoint:
    """The endpoint behind a path.

    Args:
        method: HTTP method.
        raw_path: As it came, still percent-encoded, without the query.
        query: As it came.
        providers: Of the snapshot, in the order of the configuration.
        anthropic: The request has the header `anthropic-version`, so a path without a provider is Anthropic's.
        google: The request has the header `x-goog-api-key`, so a path without a provider is Gemini's.

    Raises:
        NotFound: `unknown_route`: neither a version nor a provider stands first in the path.
        InvalidInput: `method_not_allowed`, or `invalid_path`: a path that could be read in two ways, or that leads
            outside the provider's `base_url`.
    """
    if raw_path in (b"", b"/"):
        raise _unknown("", providers)
    first, *rest = _segments(raw_path)
    provider = None if _VERSION.fullmatch(first) else _provider(first, providers)
    if provider is None and first != "v1" and first not in _GEMINI_ROOTS:
        raise _unknown(first, providers)
    if method not in METHODS:
        raise InvalidInput(
            f"A pass-through call is GET, POST, PUT, PATCH or DELETE; {method} came.", code="method_not_allowed"
        )
    if provider is not None:
        kind: ProviderKind = provider.kind
        rest = _below(rest, provider)
    elif first in _GEMINI_ROOTS or google:
        kind = "gemini"
        provider = next((entry for entry in providers.values() if entry.kind == kind), None)
        if provider is None:
            raise NotFound(
                "No provider of kind 'gemini' is configured, and the call is Google's by its path or its header "
                "x-goog-api-key.",
                hint="Name a provider in the path, or send the key as 'Authorization: Bearer psk_…'.",
                code="no_provider",
            )
        rest = _below([first, *rest], provider)
    else:
        kind = "anthropic" if anthropic else "openai"
    path = "/".join(rest)
    if not path:
        raise InvalidInput(
            "The path names no endpoint.", code="invalid_path", hint="Add one, such as /v1/images/generations."
        )
    return Endpoint(
        method=cast("Method", method),
        path=path,
        query=_query(query),
        provider=provider,
        kind=kind,
        dialect=_DIALECTS[kind],
        model=unquote(found[1]) if (found := _model_in(path, kind)) else None,
    )


def operation_of(endpoint: Endpoint) -> Operation | None:
    """The call that the gateway knows in full, when a path names one, so that it may be served as that call.

    Where the path names a provider, the body's `model` is in that provider's spelling: `NAME/model` to the gateway.
    Served so, a stream's usage is asked for and every attempt is retried, priced and recorded like any other.
    """
    if endpoint.method != "POST":
        return None
    kind = "openai" if endpoint.kind == "azure" else endpoint.kind
    return _OPERATIONS.get((kind, endpoint.path))


def template_of(endpoint: Endpoint) -> str:
    """The path with ids and model names left out, so that like calls have one name: `/v1/files/{id}/content`."""
    path = endpoint.path
    found = _model_in(path, endpoint.kind)
    if found is not None:
        path = f"{path[: found.start(1)]}{{model}}{path[found.end(1) :]}"
    segments = ["{id}" if _ID.fullmatch(segment) else segment for segment in path.split("/")]
    root = "v1beta" if endpoint.kind == "gemini" else "v1"
    return "/" + "/".join([root, *segments])


def _segments(raw_path: bytes) -> list[str]:
    if len(raw_path) > MAX_PATH:
        raise _refused(f"a path of at most {MAX_PATH} bytes")
    # What is not ASCII fails the pattern of a segment below.
    path = raw_path.decode("latin-1").removeprefix("/")
    segments = path.removesuffix("/").split("/")
    for segment in segments:
        if not segment.isascii() or not _SEGMENT.fullmatch(segment):
            raise _refused("segments that are not empty, of the characters that RFC 3986 allows")
        plain = unquote_to_bytes(segment)
        if not _FORBIDDEN.isdisjoint(plain):
            raise _refused("no encoded slash, backslash, percent sign, question mark, hash or control character")
        # Some servers cut a segment at a semicolon before they look at its dots.
        if plain.partition(b";")[0].strip(b" .") == b"":
            raise _refused("no dot segments")
    return segments


def _query(query: bytes) -> str:
    """The query without credentials: the caller's key is for the gateway, and the provider's own is put in a header."""
    text = query.decode("latin-1")
    if len(text) > MAX_QUERY or not text.isascii() or not _QUERY.fullmatch(text):
        raise _refused(f"a query of at most {MAX_QUERY} visible ASCII characters, encoded as RFC 3986 demands")
    kept: list[str] = []
    for pair in re.split("[&;]", text):
        if not pair:
            continue
        names = parse_qsl(pair, keep_blank_values=True)
        if names and names[0][0].strip().lower() in _CREDENTIALS:
            continue
        kept.append(pair)
    return "&".join(kept)


def _provider(first: str, providers: Mapping[str, ProviderEntry]) -> ProviderEntry | None:
    """By name; by kind where no provider has that name, the first of it."""
    named = providers.get(first)
    if named is not None or first not in _KINDS:
        return named
    return next((entry for entry in providers.values() if entry.kind == first), None)


def _below(segments: list[str], provider: ProviderEntry) -> list[str]:
    """What follows the part of the path that `base_url` already has.

    SDKs put the version into the path (`/anthropic/v1/messages`) where Penstock's `base_url` has it.
    """
    base = [segment for segment in urlsplit(provider.base_url).path.split("/") if segment]
    if provider.kind == "azure" and segments[:1] == ["openai"]:
        segments = segments[1:]
        if segments[:1] != ["v1"]:
            return segments
    if not segments or not _VERSION.fullmatch(segments[0]):
        return segments
    version = next((segment for segment in reversed(base) if _VERSION.fullmatch(segment)), None)
    # Google's SDK asks for `v1` unless it is told otherwise, and all of that is in `v1beta` too.
    if segments[0] == version or (segments[0] == "v1" and (provider.kind != "gemini" or version is not None)):
        return segments[1:]
    if version is None and provider.kind == "gemini":
        return segments
    wanted = version or "v1"
    raise InvalidInput(
        f"The provider {provider.name!r} is configured for {wanted!r}, and the path asks for {segments[0]!r}.",
        code="invalid_path",
        hint=f"Use /{provider.name}/{wanted}/…, or configure another provider with that version in its base_url.",
    )


def _model_in(path: str, kind: ProviderKind) -> re.Match[str] | None:
    """Where the path names a model or a deployment."""
    if kind == "gemini":
        return _GEMINI_MODEL.fullmatch(path)
    return _DEPLOYMENT.fullmatch(path) if kind == "azure" else None


def _unknown(first: str, providers: Mapping[str, ProviderEntry]) -> NotFound:
    names = ", ".join(f"/{name}/…" for name in list(providers)[:8])
    return NotFound(
        f"The gateway has no route that begins with {'/' + first[:80]!r}.",
        hint=f"It serves /v1/…{' and, of its providers, ' + names if names else ''}; "
        "an OpenAI SDK's base_url ends with /v1, an Anthropic SDK's does not.",
        code="unknown_route",
    )


def _refused(expected: str) -> InvalidInput:
    return InvalidInput(f"The path or query cannot be passed on: expected {expected}.", code="invalid_path")
