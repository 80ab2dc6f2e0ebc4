"""A console of canned answers on loopback, for what a real one does not do on demand."""

import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import pytest

from penstock.cli.main import run


@dataclass
class Answer:
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    claim: int | None = None
    """Content-Length when it is to be a lie."""


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class CannedConsole:
    """Answers what it was told to, by path and method or in general; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._answers: dict[str, Answer] = {}

    def respond(
        self, body: object = b"", *, to: str = "", status: int = 200, claim: int | None = None, **headers: str
    ) -> None:
        """Answer requests whose `METHOD path` starts with `to`; the longest match wins."""
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._answers[to] = Answer(status=status, body=data, headers=named, claim=claim)

    def answer(self, asked: Asked) -> Answer:
        line = f"{asked.method} {asked.path}"
        fitting = [start for start in self._answers if line.startswith(start)]
        return self._answers[max(fitting, key=len)] if fitting else Answer(status=404)


@pytest.fixture
def canned() -> Iterator[CannedConsole]:
    console = CannedConsole()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def handle_any(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, self.rfile.read(size))
            console.asked.append(asked)
            answer = console.answer(asked)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body) if answer.claim is None else answer.claim))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815 - the base class looks them up so

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    console.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield console
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def data(self) -> object:
        return json.loads(self.out)


@pytest.fixture
def penstock(monkeypatch, capsys, tmp_path):
    """Runs one command in this process, in an empty folder: `penstock("keys", "list")`."""
    for name in ("PENSTOCK_HOME", "PENSTOCK_CONSOLE_URL", "PENSTOCK_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["penstock", *arguments])
        with pytest.raises(SystemExit) as ended:
            run()
        captured = capsys.readouterr()
        return Ran(code=int(ended.value.code or 0), out=captured.out, err=captured.err)

    return command


@pytest.fixture
def ask(penstock, canned, monkeypatch):
    """As `penstock`, with the canned console as the one to ask."""
    monkeypatch.setenv("PENSTOCK_CONSOLE_URL", canned.url)
    monkeypatch.setenv("PENSTOCK_KEY", "psk_test")
    return penstock
