"""The way to a ClickHouse server: connecting, asking, changing, and one error for whatever keeps it from answering."""

import logging
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast
from urllib.parse import unquote, urlsplit

import msgspec
from sqlglot import exp

from penstock.core.errors import InvalidInput, MissingExtra, Unavailable
from penstock.store.spans.clickhouse.beside import FIELDS
from penstock.store.spans.clickhouse.functions import DIALECT, SETTINGS, TUNED, bound, render
from penstock.store.spans.clickhouse.migrations import migrate
from penstock.store.spans.engine import Prepared, Read, Rows, prepare

__all__ = ["Address", "ClickHouseEngine", "Refused"]

logger = logging.getLogger(__name__)

DEFAULT_DATABASE = "penstock"
CONNECT_SECONDS = 5
ANSWER_SECONDS = 300
"""A deletion or a large segment takes its time; a query of the console has a limit of its own."""
QUERY_SECONDS = 60
FEW_ROWS = 64
"""Rows of an answer that is kept as long as a snapshot lasts, unless its question says that it is."""
SHORT = 2048
"""Bytes of its question at most."""

_NO_DATABASE = 81
_DENIED = frozenset({192, 193, 194, 497, 516})
_DEFECTS = frozenset({36, 42, 43, 46, 47, 48, 50, 53, 62, 184, 215, 386})
"""Codes that say a query was wrong: a defect of ours, which no later try mends."""
_REFUSED = frozenset({6, 26, 27, 38, 41, 69, 72, 117, 130, 131, 349, 376, 395, 441, 691})
"""Codes that say data cannot be read as what they should be."""


class Refused(Exception):
    """ClickHouse cannot read the data as what they should be. Nothing was stored."""


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server is, and how to come in."""

    host: str
    port: int
    secure: bool
    user: str
    password: str = ""
    database: str = DEFAULT_DATABASE
    ca: Path | None = None
    """File of the certificates to trust; None: those of the system."""

    @classmethod
    def parse(cls, url: str, *, password: str | None = None, ca: Path | None = None) -> "Address":
        """The parts of `https://USER@HOST:PORT/DATABASE`; `clickhouse://` is http on port 8123.

        Raises:
            InvalidInput: it is not such an address (`span_store_address`). The message holds no password.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in {"http", "https", "clickhouse", "clickhouses"} or not parts.hostname:
            raise InvalidInput(
                "The address of ClickHouse is not one: expected https://USER@HOST:8443/DATABASE.",
                field="stores.spans",
                hint="ClickHouse is spoken to over HTTP: its port is 8123, or 8443 with TLS.",
                code="span_store_address",
            )
        secure = parts.scheme in {"https", "clickhouses"}
        return cls(
            host=parts.hostname,
            port=port or (8443 if secure else 8123),
            secure=secure,
            user=unquote(parts.username or "default"),
            password=password if password is not None else unquote(parts.password or ""),
            database=unquote(parts.path.strip("/")) or DEFAULT_DATABASE,
            ca=ca,
        )

    def __str__(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.host}:{self.port}/{self.database}"


class _Result(Protocol):
    result_rows: Sequence[Sequence[Any]]


class _Client(Protocol):
    """What is used of `clickhouse_connect`'s client, which many threads may share."""

    server_settings: Mapping[str, Any]

    def set_client_setting(self, key: str, value: Any) -> None: ...

    def query(
        self, query: str, parameters: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> _Result: ...

    def command(
        self,
        cmd: str,
        parameters: Mapping[str, Any] | None = None,
        data: bytes | None = None,
        settings: Mapping[str, Any] | None = None,
        *,
        use_database: bool = True,
        transport_settings: Mapping[str, str] | None = None,
    ) -> Any: ...

    def close(self) -> None: ...


class _Driver(Protocol):
    """`clickhouse_connect`, and the errors it raises."""

    connect: Callable[..., _Client]
    error: type[Exception]
    compress: Callable[[bytes], bytes]


class _Reader:
    """Asks the same again only once: parts of one question often need to know the same few rows."""

    finds_by_time: ClassVar[bool] = True
    beside_sums: ClassVar[frozenset[str]] = FIELDS

    def __init__(self, client: _Client) -> None:
        self._client = client
        self._known: dict[bytes, Rows] = {}

    def __call__(self, query: exp.Expr | Prepared, values: Mapping[str, Any]) -> Rows:
        prepared = query if isinstance(query, Prepared) else prepare(query)
        text, given = bound(prepared.text(DIALECT, render), values)
        key = msgspec.msgpack.encode((text, given))
        rows = self._known.get(key)
        if rows is None:
            rows = [tuple(row) for row in self._client.query(text, given or None).result_rows]
            if (prepared.kept or len(rows) <= FEW_ROWS) and len(key) <= SHORT:
                self._known[key] = rows
        return list(rows)


class ClickHouseEngine:
    """One database of a ClickHouse server. Any thread may call.

    Nothing is sent until it is needed, and a server that could not be reached is tried again at the next call.
    Only reading is ever repeated by itself.

    Args:
        address: The server and the database, which is made when it is not there.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._client: _Client | None = None
        self._connecting = threading.Lock()
        self._driver: _Driver | None = None

    def close(self) -> None:
        """Close the connections. The engine may be used again."""
        with self._connecting:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    @contextmanager
    def snapshot(self) -> Generator[Read]:
        """Queries, one after the other. ClickHouse has no way to ask them all of one moment.

        Raises:
            Unavailable: `span_store_unavailable`.
        """
        with self._guarded() as client:
            yield _Reader(client)

    def read(self, query: exp.Expr, values: Mapping[str, Any] | None = None) -> Rows:
        """One query. Raises `Unavailable` as `snapshot` does."""
        with self.snapshot() as read:
            return read(query, values or {})

    def give_way(self, patience: float) -> None:
        """Return at once: the server shares its threads out by itself."""

    def ask(self, text: str, values: Mapping[str, Any] | None = None) -> Rows:
        """One query in ClickHouse's own words, with placeholders `{name:Type}`. Raises as `snapshot`."""
        with self._guarded() as client:
            return [tuple(row) for row in client.query(text, values or None).result_rows]

    def change(
        self, text: str, values: Mapping[str, Any] | None = None, *, settings: Mapping[str, Any] | None = None
    ) -> None:
        """One statement in ClickHouse's own words. It is sent once.

        Raises:
            Unavailable: it failed, or nobody knows whether it did.
        """
        with self._guarded() as client:
            client.command(text, values or None, settings=settings)

    def insert_rows(
        self,
        table: str,
        query: Prepared,
        values: Mapping[str, Any],
        *,
        period: str,
        attempts: Mapping[int, int],
        **constants: Any,
    ) -> None:
        """Rows that a query in DuckDB's dialect gives, by the names of its columns.

        Beside them stand constants, and the attempt at the hour or day that is in the column `period`; rows of others
        are left out. Raises as `change`.
        """
        text, given = bound(query.text(DIALECT, render), values)
        heads, held = bound("".join(f"{{{name}:?}}, " for name in constants), constants)
        names = ", ".join(f"`{name}`" for name in ("attempt", *constants, *query.columns))
        starts, numbers = "{starts:Array(Int64)}", "{attempts:Array(Int64)}"
        self.change(
            f"INSERT INTO {table} ({names}) SELECT transform(`{period}`, {starts}, {numbers}, toInt64(0)), {heads}*"  # noqa: S608 - an expression; values are bound
            f" FROM ({text}) WHERE `{period}` IN {starts}",
            given | held | {"starts": list(attempts), "attempts": list(attempts.values())},
        )

    def insert(
        self, text: str, data: bytes, values: Mapping[str, Any], *, token: str, settings: Mapping[str, Any]
    ) -> None:
        """Rows that a statement makes of `data`. The same token a second time stores nothing more.

        Raises:
            Refused: the data cannot be read as the statement says.
            Unavailable: as `change`.
        """
        with self._guarded() as client:
            client.command(
                text,
                values,
                data=self._opened_driver().compress(data),
                settings={**settings, "insert_deduplication_token": token},
                transport_settings={"Content-Encoding": "lz4"},
            )

    @contextmanager
    def _guarded(self) -> Generator[_Client]:
        """The connected client. What keeps the server from answering becomes `Unavailable`."""
        driver = self._opened_driver()
        try:
            yield self._connected(driver)
        except driver.error as error:
            code: int | None = getattr(error, "code", None)
            if code in _REFUSED:
                raise Refused(_first_line(error)) from error
            if code in _DEFECTS:
                raise
            raise self._unavailable(error, code) from error

    def _unavailable(self, error: Exception, code: int | None) -> Unavailable:
        hint = "Spans wait in the journal and are stored when it can."
        if code in _DENIED:
            hint = f"Check user and password in stores.spans and stores.spans_password, and the rights. {hint}"
        elif "CERTIFICATE" in str(error).upper() or "SSL" in str(error).upper():
            hint = f"Check https or http in stores.spans, and stores.spans_ca for a certificate of your own. {hint}"
        return Unavailable(
            f"The span store {self.address} cannot be used: {_first_line(error)}.",
            hint=hint,
            code="span_store_unavailable",
        )

    def _opened_driver(self) -> _Driver:
        if self._driver is None:
            self._driver = _load_driver()
        return self._driver

    def _connected(self, driver: _Driver) -> _Client:
        with self._connecting:
            if self._client is None:
                self._client = self._connect(driver)
            return self._client

    def _connect(self, driver: _Driver) -> _Client:
        try:
            client = self._client_of(driver, self.address.database)
        except driver.error as error:
            if getattr(error, "code", None) != _NO_DATABASE:
                raise
            outside = self._client_of(driver, None)
            try:
                outside.command(f"CREATE DATABASE IF NOT EXISTS {_quoted(self.address.database)}", use_database=False)
            finally:
                outside.close()
            client = self._client_of(driver, self.address.database)
        try:
            migrate(client)
        except BaseException:
            client.close()
            raise
        return client

    def _client_of(self, driver: _Driver, database: str | None) -> _Client:
        address = self.address
        client = driver.connect(
            host=address.host,
            port=address.port,
            interface="https" if address.secure else "http",
            username=address.user,
            password=address.password,
            database=database,
            ca_cert=str(address.ca) if address.ca is not None else None,
            connect_timeout=CONNECT_SECONDS,
            send_receive_timeout=ANSWER_SECONDS,
            client_name="penstock",
            # A session would let one query run at a time.
            autogenerate_session_id=False,
            # Long lists of values do not fit into an address.
            form_encode_query_params=True,
            settings=dict(SETTINGS),
        )
        for name in TUNED.keys() & client.server_settings.keys():
            client.set_client_setting(name, TUNED[name])
        return client


def _load_driver() -> _Driver:
    """The driver.

    Raises:
        MissingExtra: `clickhouse-connect` is not installed.
    """
    try:
        import clickhouse_connect  # noqa: PLC0415 - an extra
        from clickhouse_connect.driver.exceptions import ClickHouseError  # noqa: PLC0415
        from lz4 import frame  # noqa: PLC0415 - comes with it
    except ImportError as error:
        raise MissingExtra("clickhouse-connect", extra="clickhouse") from error

    class Driver:
        connect = staticmethod(cast("Callable[..., _Client]", clickhouse_connect.get_client))  # pyright: ignore[reportUnknownMemberType] - partly untyped there
        error = ClickHouseError
        compress = staticmethod(cast("Callable[[bytes], bytes]", frame.compress))  # pyright: ignore[reportUnknownMemberType] - untyped there

    # The driver warns of what it raises too; it is told once, where it is caught.
    logging.getLogger("clickhouse_connect").setLevel(logging.ERROR)
    return cast("_Driver", Driver)


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def _first_line(error: Exception) -> str:
    text = str(error).strip().split("\n", 1)[0]
    return text.split("DB::Exception: ")[-1].split(" (for url", 1)[0].rstrip(". ")
