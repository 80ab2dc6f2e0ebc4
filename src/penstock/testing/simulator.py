"""A running provider simulator for a test."""

import http.client
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from penstock.core.errors import Unavailable
from penstock.testing.process import ReadyProcess

__all__ = ["SimulatorServer"]


class SimulatorServer(ReadyProcess):
    """The simulator in a child process; a context manager. Free port, loopback only.

    Args:
        folder: A folder for its log and ready file.
        options: More options of `python -m penstock.simulator`, as `["--seed", "7"]`.
    """

    def __init__(self, folder: Path, *, options: Sequence[str] = (), patience: float = 30.0) -> None:
        super().__init__(["penstock.simulator", "--port", "0", *options], folder=folder, patience=patience)

    @property
    def url(self) -> str:
        """Its base address, without a path."""
        return str(self.ready["url"]).rstrip("/")

    def requests(self) -> list[dict[str, Any]]:
        """The last requests it was sent, oldest first."""
        return self._call("GET", "/sim/requests")["items"]

    def stats(self) -> dict[str, Any]:
        """Per path: how many requests started, finished and were cancelled by the caller."""
        return self._call("GET", "/sim/stats")

    def ledger(self) -> dict[str, Any]:
        """What it would bill: tokens by model, `reported` where callers were told the usage, and `unreported`."""
        return self._call("GET", "/sim/ledger")

    def wait(self, *, path: str | None = None, seconds: float = 10.0, **counts: int) -> dict[str, Any]:
        """The counts, once each of those named has come to its number; no polling, the simulator answers then.

        `wait(path="/v1/chat/completions", cancelled=1)`. Counts: `started`, `active` (exactly), `finished`,
        `cancelled`, `broken` (at least).

        Raises:
            Unavailable: it did not come in time; the message holds the counts.
        """
        query = {"timeout": f"{seconds:g}s", **({} if path is None else {"path": path}), **counts}
        return self._call("GET", f"/sim/wait?{urlencode(query)}", timeout=seconds + 10)

    def set_faults(self, *faults: str | Mapping[str, Any]) -> None:
        """Misbehave from now on as `faults` say, and no longer as before; none ends all.

        `set_faults({"status": 429, "retry_after": 2})`; the simulator's documentation lists them.
        """
        self._call("POST", "/sim/faults", list(faults))

    def reset(self) -> None:
        """Forget faults, requests and counts."""
        self._call("POST", "/sim/reset")

    def _call(self, method: str, path: str, body: object = None, *, timeout: float = 10.0) -> Any:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
        content = None if body is None else json.dumps(body).encode()
        try:
            connection.request(method, path, content, {"content-type": "application/json"})
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        if response.status >= 300:
            raise Unavailable(f"The simulator answered {response.status} to {method} {path}: {data[:500]!r}.")
        return json.loads(data) if data else None
