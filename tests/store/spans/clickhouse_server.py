"""ClickHouse over HTTP for tests: its own engine out of `chdb`, in a process of its own, behind a small server.

Run as a program it serves a folder until it is killed, or its parent is gone, and prints its port when it does.
"""

import base64
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import lz4.frame

USER = "penstock"
PASSWORD = "of tests"
_CODE = re.compile(r"Code: (\d+)")
_INPUT = re.compile(r"FROM input\('([^']*)'\)(.*) FORMAT (\w+)\s*$", re.DOTALL)


class Server:
    """The process, from the outside. It serves the folder again after `kill`, on the same port.

    Args:
        folder: Where the databases lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, __file__, str(self.folder), str(self.port)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    @property
    def pid(self) -> int | None:
        """Of the process, while it runs."""
        return None if self._process is None else self._process.pid

    def kill(self) -> None:
        """As a power cut would."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def url(self, database: str, *, password: str = PASSWORD) -> str:
        return f"http://{USER}:{password.replace(' ', '%20')}@127.0.0.1:{self.port}/{database}"


class Engine:
    """ClickHouse. It has one session here, so queries take turns, each with settings of its own."""

    def __init__(self, folder: str) -> None:
        from chdb.session import Session  # noqa: PLC0415 - only the process that serves loads the engine

        self._session = Session(folder)
        self._lock = threading.Lock()
        self._known = set(self._text("SELECT name FROM system.settings").split())
        self._settings: dict[str, str] = {}
        self._database = "default"

    def run(self, query: str, data: bytes, given: Mapping[str, str], *, form: str) -> bytes:
        """The answer to one request.

        Raises:
            RuntimeError: what ClickHouse says is wrong.
        """
        params = {name[6:]: value for name, value in given.items() if name.startswith("param_")}
        with self._lock, tempfile.NamedTemporaryFile() as lines:
            self._adopt(given)
            if data:
                # Embedded, the engine has no body of a request to read from; it reads the same lines from a file.
                lines.write(data)
                lines.flush()
                query = _on_file(query, lines.name)
            return bytes(self._session.query(query, form, params=params or None).bytes())

    def _adopt(self, given: Mapping[str, str]) -> None:
        database = given.get("database", "default")
        if database != self._database:
            self._session.query(f"USE `{database}`")
            self._database = database
        settings = {name: value for name, value in given.items() if name in self._known}
        changes = [f"{name} = DEFAULT" for name in self._settings.keys() - settings]
        changes += [f"{name} = '{value}'" for name, value in settings.items() if self._settings.get(name) != value]
        if changes:
            self._session.query(f"SET {', '.join(changes)}")
        self._settings = settings

    def _text(self, query: str) -> str:
        return self._session.query(query, "TSV").bytes().decode()


def _on_file(query: str, path: str) -> str:
    found = _INPUT.search(query)
    if found is None:
        head, _, form = query.rpartition(" FORMAT ")
        return f"{head} FROM INFILE '{path}' FORMAT {form}"
    before, after = query[: found.start()], query[found.end() :]
    structure, between, form = found.groups()
    return f"{before}FROM file('{path}', {form}, '{structure}'){between}{after}"


class Handler(BaseHTTPRequestHandler):
    """The part of ClickHouse's HTTP interface that its driver uses."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer is one packet: the caller's kernel delays what it thinks is half of one
    engine: Engine
    authorization = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "lz4":
            body = lz4.frame.decompress(body)
        if self.headers.get("Authorization") != self.authorization:
            self._answer(403, b"Code: 516. DB::Exception: Authentication failed: password is incorrect", code="516")
            return
        given = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        if self.headers.get("Content-Type", "").startswith("multipart/"):
            given |= self._fields(body)
            body = b""
        query = given.pop("query", "")
        if not query:
            query, body = body.decode(), b""
        form = given.get("default_format", "TSV")
        named = re.search(r"\sFORMAT\s+(\w+)\s*$", query)
        if named is not None and not body:
            form, query = named[1], query[: named.start()]
        try:
            answer = self.engine.run(query, body, given, form=form)
        except RuntimeError as error:
            found = _CODE.search(str(error))
            self._answer(500, str(error).encode(), code=found[1] if found is not None else "1")
            return
        self._answer(200, answer)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *args: object) -> None:
        """Nothing: an error reaches the caller."""

    def _fields(self, body: bytes) -> dict[str, str]:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = BytesParser().parsebytes(head + body).get_payload()
        return {
            str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True).decode()
            for part in parts
        }

    def _answer(self, status: int, body: bytes, *, code: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/octet-stream")
        if code is not None:
            self.send_header("X-ClickHouse-Exception-Code", code)
        self.end_headers()
        self.wfile.write(body)


def main(folder: str, port: int) -> None:
    Handler.engine = Engine(folder)
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)  # noqa: T201 - whoever started the program reads it
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
