"""Whole Penstocks under test: how their planes are asked, started apart, waited for and killed."""

import http.client
import json
import os
import select
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import httpx
import psutil

from penstock.core.settings import process_environment
from penstock.testing.process import ReadyProcess

__all__ = [
    "Control",
    "Plane",
    "chat",
    "children",
    "crowd",
    "eventually",
    "files_holding",
    "message",
    "scrubbed_environment",
    "text_of",
]

PATIENCE = 0.05
"""Seconds between two looks."""
STRETCH = 6.0
"""A crowded machine has at most as many times as long."""

T = TypeVar("T")


def crowd() -> float:
    """How many times as long things take, since more processes want to run than there are cores."""
    return min(STRETCH, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))


def eventually(question: Callable[[], T], *, seconds: float = 2.0) -> T:
    """The first true answer, or the last one when the time is over: `seconds` where each process has a core.

    What is waited for happens in other processes: there is no event in this one.
    """
    deadline = time.monotonic() + seconds * crowd()
    while True:
        answer = question()
        if answer or time.monotonic() > deadline:
            return answer
        select.select([], [], [], PATIENCE)


class Control:
    """The control API, asked with a key."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key

    def ask(self, method: str, path: str, body: object = None, **query: Any) -> Any:
        """The decoded answer; raises AssertionError with the problem for anything but 2xx."""
        status, content = self.status(method, path, body, **query)
        assert status < 300, content
        return content

    def status(self, method: str, path: str, body: object = None, **query: Any) -> tuple[int, Any]:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        try:
            target = f"/api/v1{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
            content = None if body is None else json.dumps(body)
            headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
            connection.request(method, target, content, headers)
            answer = connection.getresponse()
            data = answer.read()
            return answer.status, json.loads(data) if data else None
        finally:
            connection.close()

    def trace(self, trace_id: str, *, seconds: float = 5.0) -> Any:
        """A trace, as soon as it is stored; at most `seconds` after the call."""

        def stored() -> Any:
            status, content = self.status("GET", f"/traces/{trace_id}")
            return content if status == 200 else None

        found = eventually(stored, seconds=seconds)
        assert found, f"trace {trace_id} did not appear within {seconds} s"
        return found

    def new_key(self, name: str, *, project: str | None = None, **fields: Any) -> dict[str, Any]:
        """A key with its secret."""
        query = {} if project is None else {"project": project}
        return self.ask("POST", "/keys", {"name": name, **fields}, **query)


class Plane(ReadyProcess):
    """`penstock gateway` or `penstock console` alone, on a home that may be shared with the other.

    Args:
        plane: `gateway` or `console`.
        folder: A folder for its log and ready file.
        home: The installation's home.
        options: More options of the command.
    """

    def __init__(self, plane: str, folder: Path, *, home: Path, options: tuple[str, ...] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        arguments = ["penstock.cli", plane, "--home", str(home), "--port", "0", *options]
        super().__init__(arguments, folder=folder, environment=scrubbed_environment())
        self._plane = plane

    @property
    def url(self) -> str:
        return str(self.ready[f"{self._plane}_url"])


def scrubbed_environment(**more: str) -> dict[str, str]:
    """This process's environment without anything that names a real provider or another Penstock."""
    inherited = {
        name: value
        for name, value in process_environment().items()
        if not name.endswith(("_API_KEY", "_API_TOKEN", "_ENDPOINT")) and not name.startswith("PENSTOCK_")
    }
    return {**inherited, **more}


def children(pid: int, module: str) -> list[psutil.Process]:
    """The living child processes of a supervisor that run a module, by the end of its name."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        try:
            if child.status() != psutil.STATUS_ZOMBIE and any(part.endswith(module) for part in child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


def files_holding(folder: Path, value: str) -> set[str]:
    """The names of the files below `folder` that hold `value`, while their servers write, rename and remove them.

    A file that is gone before it is read may lie there under another name: what is new is read until nothing is.
    """
    read: dict[Path, bytes] = {}
    while new := {path for path in folder.rglob("*") if path.is_file()} - read.keys():
        for path in new:
            with suppress(FileNotFoundError):
                read[path] = path.read_bytes()
    assert len(read) > 5, f"{folder} holds the files of a whole Penstock"
    return {path.name for path, content in read.items() if value.encode() in content}


def chat(url: str, key: str, model: str, text: str = "What is a penstock?", **fields: Any) -> httpx.Response:
    """One chat completion on a connection of its own, so that any worker may take it."""
    body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
    return httpx.post(
        f"{url}/v1/chat/completions", json=body, headers={"authorization": f"Bearer {key}"}, timeout=20, trust_env=False
    )


def message(url: str, key: str, model: str, text: str = "What is a penstock?", **fields: Any) -> httpx.Response:
    """One message in Anthropic's dialect."""
    body = {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": text}], **fields}
    return httpx.post(f"{url}/v1/messages", json=body, headers={"x-api-key": key}, timeout=20, trust_env=False)


def text_of(messages: Any) -> str:
    """The text of recorded input or output, in OpenTelemetry's form."""
    return "".join(part.get("content", "") for one in messages or () for part in one["parts"] if part["type"] == "text")
