"""A small synchronous client of the control API, on the standard library: for the command line and for searches.

It follows no redirect and knows no proxy, so a key reaches the console it was given for and nothing else.
"""

import http.client
import ssl
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, ClassVar, Final, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from penstock import __version__
from penstock.core.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    PenstockError,
    PermissionDenied,
    TooLarge,
    Unauthenticated,
    Unavailable,
)

__all__ = ["ControlClient", "Naming", "Query", "path_of", "split_address"]

Query = Mapping[str, str | int | Sequence[str] | None]
"""Query parameters; None is left out, a sequence repeats the name."""

MAX_ANSWER: Final = 64 * 1024 * 1024
PIECE: Final = 256 * 1024
_BY_STATUS: Final[Mapping[int, type[PenstockError]]] = {
    400: InvalidInput,
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    412: Conflict,
    413: TooLarge,
    422: InvalidInput,
}


class Naming(NamedTuple):
    """What a caller calls its own settings, for errors and hints."""

    url: str
    """The address of the console."""
    key: str
    agent: str
    """`User-Agent`, without the version."""


class Problem(msgspec.Struct):
    """RFC 9457, as the control API sends it."""

    title: str = ""
    detail: str = ""
    code: str | None = None
    hint: str | None = None
    field: str | None = None


def path_of(*parts: str) -> str:
    """`/api/v1/…` of path segments, each quoted whole."""
    return "/api/v1/" + "/".join(quote(part, safe="") for part in parts)


class ControlClient:
    """Speaks to one console with one key.

    Args:
        url: The console's base address, `http://127.0.0.1:4180`.
        key: A Penstock key; None sends none.
        timeout: Seconds to connect, and of silence while an answer is read.

    Raises:
        InvalidInput: `url` is not an http or https address.
    """

    naming: ClassVar = Naming(url="endpoint", key="api_key= or PENSTOCK_API_KEY", agent="penstock-sdk")

    def __init__(self, url: str, key: str | None, *, timeout: float = 15.0) -> None:
        self.url = url.rstrip("/")
        self._key = key
        self._timeout = timeout
        parts = split_address(url, field=self.naming.url)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port
        self._prefix = parts.path.rstrip("/")

    @property
    def key(self) -> str | None:
        """The key that it speaks with."""
        return self._key

    def get(self, path: str, query: Query | None = None) -> bytes:
        """The answer's body.

        Raises:
            PenstockError: the console said no (its own words and code), or cannot be reached (`Unavailable`).
        """
        return self._call("GET", path, query, None)

    def post(self, path: str, body: object = None, query: Query | None = None) -> bytes:
        """As `get`, with a JSON body."""
        return self._call("POST", path, query, body)

    def put(self, path: str, body: object, query: Query | None = None, *, if_match: str | None = None) -> bytes:
        """As `get`, with a JSON body; `if_match` is the version that what is there must have."""
        return self._call("PUT", path, query, body, if_match=if_match)

    def patch(self, path: str, body: object, query: Query | None = None) -> bytes:
        """As `get`, with a JSON body."""
        return self._call("PATCH", path, query, body)

    def delete(self, path: str, query: Query | None = None) -> bytes:
        """As `get`; the body is empty."""
        return self._call("DELETE", path, query, None)

    def events(self, path: str, query: Query | None = None, *, silence: float = 60.0) -> Generator[bytes, None, None]:
        """Data of each server-sent event, until the console ends the stream.

        Raises:
            PenstockError: as `get`; `Unavailable` too when the stream breaks or stays silent for `silence` seconds.
        """
        with self._open("GET", path, query, None, timeout=silence) as response:
            data: list[bytes] = []
            while line := self._read(response):
                text = line.rstrip(b"\r\n")
                if not text:
                    if data:
                        yield b"\n".join(data)
                    data = []
                elif text.startswith(b"data:"):
                    data.append(text[5:].removeprefix(b" "))

    def download(
        self, path: str, query: Query | None = None, *, silence: float = 120.0
    ) -> Generator[bytes, None, None]:
        """A file, piece by piece, however large.

        Raises:
            PenstockError: as `get`; `Unavailable` too when the file breaks off.
        """
        with self._open("GET", path, query, None, timeout=silence) as response:
            while piece := response.read(PIECE):
                yield piece
            if response.length:  # as in `_call`
                raise http.client.IncompleteRead(b"", response.length)

    def upload(self, path: str, file: BinaryIO, size: int, query: Query | None = None) -> bytes:
        """The answer to a file that is sent as the body, as it lies, of this many bytes.

        Raises:
            PenstockError: as `get`.
        """
        with self._open("POST", path, query, None, timeout=self._timeout, file=(file, size)) as response:
            return response.read(MAX_ANSWER)

    def _call(self, method: str, path: str, query: Query | None, body: object, *, if_match: str | None = None) -> bytes:
        with self._open(method, path, query, body, timeout=self._timeout, if_match=if_match) as response:
            data = response.read(MAX_ANSWER + 1)
            if len(data) > MAX_ANSWER:
                raise TooLarge(f"The console's answer is over {MAX_ANSWER // 1024**2} MiB.", hint="Ask for less.")
            if response.length:  # a bounded read ends quietly where the connection was cut
                raise http.client.IncompleteRead(data, response.length)
        return data

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        try:
            return response.readline(MAX_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            raise self._broken(error) from error

    @contextmanager
    def _open(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: object,
        *,
        timeout: float,
        if_match: str | None = None,
        file: tuple[BinaryIO, int] | None = None,
    ) -> Generator[http.client.HTTPResponse, None, None]:
        connection = self._connection(timeout)
        headers = {"accept": "application/json", "user-agent": f"{self.naming.agent}/{__version__}"}
        if self._key is not None:
            headers["authorization"] = f"Bearer {self._key}"
        if if_match is not None:
            headers["if-match"] = f'"{if_match}"'
        content: bytes | BinaryIO | None = None
        if file is not None:
            content, size = file
            headers |= {"content-type": "application/octet-stream", "content-length": str(size)}
        if body is not None:
            content = msgspec.json.encode(body)
            headers["content-type"] = "application/json"
        try:
            try:
                connection.request(method, self._prefix + path + _encode(query), content, headers)
                response = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise self._unreachable(error) from error
            if not 200 <= response.status < 300:
                raise self._refused(response)
            try:
                yield response
            except (OSError, http.client.HTTPException) as error:
                raise self._broken(error) from error
        finally:
            connection.close()

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)

    def _unreachable(self, error: Exception) -> Unavailable:
        reason = str(error) or type(error).__name__
        return Unavailable(
            f"The console at {self.url} cannot be reached: {reason}.",
            hint=f"Is it running? Start it with `penstock up`, or name another with {self.naming.url}.",
            code="console_unreachable",
        )

    def _broken(self, error: Exception) -> Unavailable:
        reason = str(error) or type(error).__name__
        return Unavailable(f"The console at {self.url} stopped answering: {reason}.", code="console_unreachable")

    def _refused(self, response: http.client.HTTPResponse) -> PenstockError:
        status = response.status
        if 300 <= status < 400:
            return Unavailable(
                f"{self.url} answered with a redirect to {response.headers.get('location', 'nowhere')}.",
                hint=f"Give that address with {self.naming.url} if it is the console's.",
                code="console_redirects",
            )
        try:
            problem = msgspec.json.decode(response.read(1024 * 1024), type=Problem)
        except (msgspec.MsgspecError, OSError, http.client.HTTPException):
            problem = Problem()
        detail = problem.detail or problem.title
        if not detail:
            return Unavailable(
                f"{self.url} answered {status} {response.reason}, not as a Penstock console would.",
                hint=f"Check that {self.naming.url} names the console (port 4180), not the gateway (4100).",
                code="not_a_console",
            )
        hint = problem.hint
        if status == 401 and hint is None:
            hint = f"Give a key with {self.naming.key}."
        return _BY_STATUS.get(status, Unavailable)(detail, hint=hint, code=problem.code)


def split_address(url: str, *, field: str) -> Any:
    """The parts of an http or https address.

    Raises:
        InvalidInput: it is none; `field` is what the caller calls it.
    """
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    else:
        if valid and not parts.query and not parts.fragment and parts.username is None:
            return parts
    raise InvalidInput(f"{field} expects an address like http://127.0.0.1:4180, got {url!r}.", field=field)


def _encode(query: Query | None) -> str:
    pairs = {name: value for name, value in (query or {}).items() if value is not None}
    return f"?{urlencode(pairs, doseq=True)}" if pairs else ""
