"""Calls over HTTP, in OpenAI's dialect: to a gateway, or to any server that speaks it."""

import asyncio
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import aiohttp
import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput, UpstreamError
from penstock.evals.experiments.calls import NOT_SENT
from penstock.evals.experiments.embedding import pack
from penstock.evals.experiments.keys import span_id
from penstock.evals.experiments.ports import Request
from penstock.evals.experiments.types import Output
from penstock.wire.headers import COST, ON_DISCONNECT, TRACEPARENT

__all__ = ["HttpCaller"]

MAX_ANSWER: Final = 16 * 1024 * 1024
MAX_ERROR: Final = 64 * 1024
RETRYABLE: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


class _Message(msgspec.Struct):
    content: str | list[dict[str, Any]] | None = None
    refusal: str | None = None
    tool_calls: list[dict[str, Any]] | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Answer(msgspec.Struct):
    choices: list[_Choice]
    model: str | None = None
    usage: dict[str, Any] | None = None


class _Vector(msgspec.Struct):
    embedding: list[float]


class _Embeddings(msgspec.Struct):
    data: list[_Vector]
    model: str | None = None
    usage: dict[str, Any] | None = None


class _Problem(msgspec.Struct):
    message: str = ""


class _Refusal(msgspec.Struct):
    error: _Problem | str = ""


_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_embeddings = msgspec.json.Decoder(_Embeddings).decode
_decode_refusal = msgspec.json.Decoder(_Refusal).decode
_encode = msgspec.json.Encoder().encode


class HttpCaller:
    """Asks one server, and no other: redirects are not followed, proxies of the environment are not used.

    Args:
        url: Its base address, with or without `/v1`.
        key: Sent as a bearer token.
        session: Whose connections are used. Make it with `new_session`.
        clock: Measures.

    Raises:
        InvalidInput: `url` is no http or https address.
    """

    def __init__(self, url: str, key: str | None, session: aiohttp.ClientSession, *, clock: Clock) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidInput(f"Expected the address of a gateway like http://127.0.0.1:4100, got {url!r}.")
        self._url = f"{url.rstrip('/').removesuffix('/v1')}/v1"
        self._session = session
        self._clock = clock
        self._headers = {"content-type": "application/json", ON_DISCONNECT: "finish"}
        if key is not None:
            self._headers["authorization"] = f"Bearer {key}"

    @staticmethod
    def new_session(*, connections: int) -> aiohttp.ClientSession:
        """A session for so many calls at a time."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections), trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
        )

    async def call(self, request: Request, *, trace_id: str, timeout: float) -> Output:  # noqa: ASYNC109 - the other side's time, and it is part of the port
        """As `Caller.call`: a chat completion."""
        answered = await self._post("chat/completions", request, trace_id=trace_id, timeout=timeout)
        return _output(answered, trace_id=trace_id)

    async def embed(self, request: Request, *, trace_id: str, timeout: float) -> Output:  # noqa: ASYNC109 - as `call`
        """The vector of one text, packed, as the output's `data`. Raises as `call`."""
        answered = await self._post("embeddings", request, trace_id=trace_id, timeout=timeout)
        return _embedding(answered, trace_id=trace_id)

    async def _post(self, path: str, request: Request, *, trace_id: str, timeout: float) -> "_Answered":  # noqa: ASYNC109 - as `call`
        url = f"{self._url}/{path}"
        headers = {**self._headers, **request.headers, TRACEPARENT: f"00-{trace_id}-{span_id(trace_id)}-01"}
        began = self._clock.monotonic()
        try:
            async with self._session.post(
                url,
                data=_encode(request.body),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=timeout, connect=min(timeout, 30)),
                allow_redirects=False,
            ) as response:
                body = await response.content.read(MAX_ERROR) if response.status != 200 else await response.read()
                status, answered = response.status, response.headers
        except aiohttp.ConnectionTimeoutError as error:
            raise UpstreamError(f"{url} cannot be reached in time.", code=NOT_SENT) from error
        except TimeoutError as error:
            raise UpstreamError(f"No answer came within {timeout:g} s.", code="call_timeout") from error
        except aiohttp.ClientConnectorError as error:
            raise UpstreamError(f"{url} cannot be reached: {error.os_error}.", code=NOT_SENT) from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise UpstreamError(
                f"The connection broke off: {error or type(error).__name__}.", code="call_cut"
            ) from error
        if status != 200:
            raise _refused(status, body, answered.get("retry-after"))
        latency = round((self._clock.monotonic() - began) * 1_000_000)
        cost = answered.get(COST)
        known = int(cost) if cost is not None and cost.isdecimal() else None
        return _Answered(body=body, latency=latency, cost=known)


class _Answered(NamedTuple):
    """An answer that came with status 200."""

    body: bytes
    latency: int
    cost: int | None


def _output(answered: _Answered, *, trace_id: str) -> Output:
    try:
        answer = _decode_answer(answered.body)
        choice = answer.choices[0]
    except (msgspec.MsgspecError, IndexError) as error:
        why = error if isinstance(error, msgspec.MsgspecError) else "it has no choices"
        raise UpstreamError(
            f"The answer is no chat completion: {why}.",
            upstream_status=200,
            retryable=False,
            code="answer_malformed",
        ) from error
    content = choice.message.content
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content)
    return Output(
        text=content if content is not None else choice.message.refusal,
        tool_calls=choice.message.tool_calls or [],
        finish_reason=choice.finish_reason,
        model=answer.model,
        usage=answer.usage or {},
        cost=answered.cost,
        latency=answered.latency,
        trace_id=trace_id,
    )


def _embedding(answered: _Answered, *, trace_id: str) -> Output:
    try:
        answer = _decode_embeddings(answered.body)
        vector = answer.data[0].embedding
    except (msgspec.MsgspecError, IndexError) as error:
        raise UpstreamError(
            f"The answer holds no embedding: {error if isinstance(error, msgspec.MsgspecError) else 'it is empty'}.",
            upstream_status=200,
            retryable=False,
            code="answer_malformed",
        ) from error
    return Output(
        data=pack(vector),
        model=answer.model,
        usage=answer.usage or {},
        cost=answered.cost,
        latency=answered.latency,
        trace_id=trace_id,
    )


def _refused(status: int, body: bytes, retry_after: str | None) -> UpstreamError:
    try:
        problem = _decode_refusal(body).error
    except msgspec.MsgspecError:
        problem = body[:200].decode(errors="replace")
    text = problem if isinstance(problem, str) else problem.message
    wait = float(retry_after) if retry_after is not None and retry_after.isdecimal() else None
    return UpstreamError(
        f"The call was answered with {status}: {text or 'without a reason'}",
        upstream_status=status,
        body=body[:MAX_ERROR],
        retry_after=wait,
        retryable=status in RETRYABLE,
    )


async def settled(session: aiohttp.ClientSession) -> None:
    """Close a session, its TLS connections included."""
    await session.close()
    await asyncio.sleep(0)
