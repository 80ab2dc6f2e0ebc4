"""The checks of `penstock doctor`. Each looks at one thing and never raises."""

import http.client
import os
import shutil
import socket
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from penstock.cli.client import connect, path_of
from penstock.cli.output import format_count, format_duration
from penstock.core.clock import Clock, SystemClock
from penstock.core.errors import PenstockError
from penstock.core.home import Home
from penstock.server.options import DEFAULT_CONSOLE_PORT, DEFAULT_GATEWAY_PORT
from penstock.wire.snapshot import Snapshot, decode_snapshot

__all__ = ["Finding", "Target", "diagnose"]

LOW_DISK: Final = 2 * 1024**3
NO_DISK: Final = 256 * 1024**2
STALE: Final = 60_000_000
"""Microseconds that a sealed segment may wait before its ingestion counts as stuck."""


class Finding(msgspec.Struct, frozen=True):
    check: str
    status: Literal["ok", "warning", "failed", "unknown"]
    message: str
    hint: str | None = None


@dataclass(frozen=True, kw_only=True)
class Target:
    """What to look at. Addresses that are None are those running in the home."""

    home: Home
    console_url: str | None = None
    gateway_url: str | None = None
    key: str | None = None
    config: Path | None = None
    """The configuration file, when it is not the home's."""
    clock: Clock = field(default_factory=SystemClock)
    ports: tuple[int, int] = (DEFAULT_GATEWAY_PORT, DEFAULT_CONSOLE_PORT)
    """Ports that `penstock up` would take, looked at when nothing runs in the home."""


def diagnose(target: Target) -> list[Finding]:
    """All findings, in the order a person would look."""
    return [
        *_home(target),
        *_disk(target),
        *_config(target),
        *_snapshot(target),
        *_journal(target),
        *_gateway(target),
        *_console(target),
        *_ports(target),
    ]


def _home(target: Target) -> Iterator[Finding]:
    path = target.home.path
    if not path.is_dir():
        yield Finding("home", "unknown", f"{path} does not exist.", "Start with `penstock up`, or name it with --home.")
        return
    try:
        with tempfile.NamedTemporaryFile(dir=path, prefix=".doctor."):
            pass
    except OSError as error:
        yield Finding("home", "failed", f"{path} cannot be written: {error.strerror}.", "Check its owner and its disk.")
        return
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        yield Finding("home", "warning", f"{path} is open to others (mode {mode:o}).", f"chmod 700 {path}")
    else:
        yield Finding("home", "ok", f"{path} is writable and private.")


def _disk(target: Target) -> Iterator[Finding]:
    path = next(folder for folder in (target.home.path, *target.home.path.parents) if folder.is_dir())
    free = shutil.disk_usage(path).free
    text = f"{_size(free)} free at {path}."
    if free < NO_DISK:
        yield Finding("disk", "failed", text, "Free some space: the gateway stops or stops recording when it is full.")
    elif free < LOW_DISK:
        yield Finding("disk", "warning", text, "Free some space soon.")
    else:
        yield Finding("disk", "ok", text)


def _config(target: Target) -> Iterator[Finding]:
    path = target.config or target.home.config
    if not path.is_file():
        if target.config is not None:
            yield Finding("config", "failed", f"{path} does not exist.")
            return
        yield Finding("config", "ok", f"No {path}: providers come from the environment, or the simulator stands in.")
        return
    from penstock.registry.config.load import load_config  # noqa: PLC0415 - reads YAML, only when there is any

    try:
        loaded = load_config(path)
    except PenstockError as error:
        yield Finding("config", "failed", str(error), "The gateway goes on serving the last good configuration.")
        return
    for warning in loaded.warnings:
        yield Finding("config", "warning", warning)
    yield Finding("config", "ok", f"{path} is valid: {len(loaded.providers)} providers, {len(loaded.aliases)} aliases.")


def _snapshot(target: Target) -> Iterator[Finding]:
    snapshot = _read_snapshot(target.home)
    if isinstance(snapshot, Finding):
        yield snapshot
        return
    age = format_duration(max(0, target.clock.now() - snapshot.created))
    counts = f"{len(snapshot.providers)} providers, {len(snapshot.keys)} keys"
    yield Finding("snapshot", "ok", f"Version {snapshot.version}, {age} old: {counts}.")


def _read_snapshot(home: Home) -> Snapshot | Finding:
    try:
        return decode_snapshot(home.snapshot.read_bytes())
    except FileNotFoundError:
        return Finding("snapshot", "unknown", "None has been published yet.", "Start the console once: `penstock up`.")
    except OSError as error:
        return Finding("snapshot", "failed", f"{home.snapshot} cannot be read: {error.strerror}.")
    except PenstockError as error:
        return Finding("snapshot", "failed", str(error), "Restart the console: it publishes a new one.")


def _journal(target: Target) -> Iterator[Finding]:
    home = target.home
    try:
        waiting = [path.stat() for path in home.journal.glob("*.ndjson")]
        quarantined = sum(1 for _ in home.quarantine.glob("*.ndjson"))
    except OSError as error:
        yield Finding("journal", "failed", f"{home.journal} cannot be read: {error.strerror}.")
        return
    size = sum(status.st_size for status in waiting)
    text = f"{format_count(len(waiting))} segments wait ({_size(size)})."
    oldest = min((status.st_mtime_ns // 1000 for status in waiting), default=None)
    age = 0 if oldest is None else target.clock.now() - oldest
    if age > STALE:
        hint = "Is the console running, and can it write its store? Nothing is lost while segments wait."
        yield Finding("journal", "failed", f"{text} The oldest is {format_duration(age)} old.", hint)
    elif quarantined:
        hint = f"Look at the reasons in {home.quarantine}."
        yield Finding("journal", "warning", f"{text} {quarantined} files in quarantine.", hint)
    else:
        yield Finding("journal", "ok", text)


def _running(home: Home, plane: str) -> str | None:
    try:
        return (home.run / f"{plane}.url").read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def _gateway(target: Target) -> Iterator[Finding]:
    url = target.gateway_url or _running(target.home, "gateway")
    if url is None:
        yield Finding("gateway", "unknown", "Not running in this home.", "Start it with `penstock up`.")
        return
    yield _reachable("gateway", url)


def _reachable(check: str, url: str) -> Finding:
    try:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=5)
        try:
            connection.request("GET", f"{parts.path.rstrip('/')}/healthz")
            status = connection.getresponse().status
        finally:
            connection.close()
    except (OSError, ValueError, ssl.SSLError, http.client.HTTPException) as error:
        return Finding(check, "failed", f"{url} does not answer: {error}.", "Start it with `penstock up`.")
    if status != 200:
        return Finding(check, "failed", f"{url}/healthz answered {status}.", "Is this really Penstock's address?")
    return Finding(check, "ok", f"{url} answers.")


class _System(msgspec.Struct):
    version: str


class _Reload(msgspec.Struct):
    """What the console says of the configuration it serves."""

    error: dict[str, object] | None = None


def _console(target: Target) -> Iterator[Finding]:
    url = target.console_url or _running(target.home, "console")
    if url is None:
        yield Finding("console", "unknown", "Not running in this home.", "Start it with `penstock up`.")
        return
    reachable = _reachable("console", url)
    if reachable.status != "ok":
        yield reachable
        return
    try:
        client = connect(target.home.path, url, target.key)
        system = msgspec.json.decode(client.get(path_of("system")), type=_System)
        reload = msgspec.json.decode(client.get(path_of("config")), type=_Reload)
    except PenstockError as error:
        yield Finding("console", "failed", f"{url} answers, but not to this key: {error.message}", error.hint)
    except msgspec.MsgspecError as error:
        yield Finding("console", "failed", f"{url} answers, but not as a console: {error}.")
    else:
        yield Finding("console", "ok", f"{url} answers, version {system.version}.")
        if reload.error is not None:
            hint = "It serves the last good configuration."
            yield Finding("reload", "failed", f"The console refused its file: {reload.error.get('message')}", hint)


def _ports(target: Target) -> Iterator[Finding]:
    """Only when nothing runs in the home: then the ports that `up` would take must be free."""
    if _running(target.home, "gateway") or _running(target.home, "console"):
        return
    taken = [port for port in target.ports if not _is_free(port)]
    if taken:
        names = " and ".join(str(port) for port in taken)
        hint = "Stop what listens there, or choose others with --gateway-port and --console-port."
        yield Finding("ports", "failed", f"Taken on 127.0.0.1: {names}.", hint)
    else:
        yield Finding("ports", "ok", f"{target.ports[0]} and {target.ports[1]} are free.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _size(count: int) -> str:
    value = float(count)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"
