"""One command, both planes: opens the ports, starts the processes, restarts what dies, stops in order."""

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from penstock.core.errors import Conflict, CorruptData, PenstockError, Unavailable
from penstock.core.files import replace_file
from penstock.core.home import Home
from penstock.server import banner
from penstock.server.options import UpOptions
from penstock.wire.snapshot import decode_snapshot

__all__ = ["Child", "Supervisor", "run_console", "run_gateway", "run_up"]

logger = logging.getLogger(__name__)

START_SECONDS = 30.0
STOP_SECONDS = 60.0
"""How long after the end of the drain what has not stopped is killed."""
FIRST_BACKOFF = 0.1
LAST_BACKOFF = 2.0
STEADY_SECONDS = 1.0
"""A child that served this long before it died is restarted at once; one that dies sooner waits longer each time."""
EXIT_COULD_NOT = 2
LOOPBACK = "127.0.0.1"
PLANES = ("gateway", "console")


class Child:
    """A process that is kept running.

    Args:
        name: For people and logs.
        arguments: Command line after `python`.
        listener: Socket it inherits; None for none.
        lifeline: Read end of the pipe whose end tells it that the supervisor is gone.
        published: Read end of the pipe whose end tells it that the console has published; None when it need not know.
    """

    def __init__(
        self,
        name: str,
        arguments: list[str],
        *,
        listener: socket.socket | None,
        lifeline: int,
        published: int | None = None,
    ) -> None:
        self.name = name
        self.facts: dict[str, Any] = {}
        self.restarts = 0
        self._arguments = arguments
        self._listener = listener
        self._lifeline = lifeline
        self._published = published
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start it and wait until it says that it serves.

        Raises:
            Unavailable: it ended, or said nothing in time.
        """
        ready, tell = os.pipe()
        arguments = [*self._arguments, "--ready-fd", str(tell), "--parent-fd", str(self._lifeline)]
        inherited = [tell, self._lifeline]
        if self._listener is not None:
            arguments += ["--listen-fd", str(self._listener.fileno())]
            inherited.append(self._listener.fileno())
        if self._published is not None:
            arguments += ["--published-fd", str(self._published)]
            inherited.append(self._published)
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, pass_fds=inherited, start_new_session=True, stdin=asyncio.subprocess.DEVNULL
            )
        finally:
            os.close(tell)
        line = await _read_line(ready)
        if not line:
            code = self._process.returncode if self._process.returncode is not None else await self._end()
            raise Unavailable(
                f"The {self.name} did not start (exit code {code}); its own message is above.", code="start_failed"
            )
        self.facts = msgspec.json.decode(line, type=dict[str, Any])

    async def keep(self) -> None:
        """Restart it whenever it dies, until `stop`."""
        loop = asyncio.get_running_loop()
        backoff = FIRST_BACKOFF
        while True:
            began = loop.time()
            assert self._process is not None  # noqa: S101 - keep() follows start()
            code = await self._process.wait()
            if self._stopping.is_set():
                return
            backoff = FIRST_BACKOFF if loop.time() - began > STEADY_SECONDS else min(backoff * 2, LAST_BACKOFF)
            logger.error("the %s died (%s); restarting it in %.1f s", self.name, _exit_text(code), backoff)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), backoff)
                return
            self.restarts += 1
            try:
                await self.start()
            except PenstockError as error:
                logger.error("%s", error)  # noqa: TRY400 - the child has printed its own traceback
            if self._stopping.is_set():
                # `stop` saw only the process before this one.
                await self.stop()

    async def stop(self, patience: float = STOP_SECONDS) -> None:
        """Ask it to finish its work and end; kill it when it has not after `patience` seconds."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), patience)
        except TimeoutError:
            logger.error("the %s did not stop within %.0f s and was killed", self.name, patience)  # noqa: TRY400 - nothing raised
            await self._end()

    async def _end(self) -> int:
        assert self._process is not None  # noqa: S101 - only after start()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        return await self._process.wait()


class Supervisor:
    """Runs the planes that were asked for, under one home."""

    def __init__(self, options: UpOptions, *, gateway: bool, console: bool) -> None:
        self._options = options
        self._gateway = gateway
        self._console = console
        self._home = Home(options.home)
        self._stop = asyncio.Event()
        self._children: list[Child] = []

    async def run(self) -> None:
        """Start, keep running, and stop in order when a signal comes.

        Raises:
            PenstockError: it could not start: home, port or configuration.
        """
        self._home.create()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        with contextlib.ExitStack() as stack:
            if self._console:
                stack.enter_context(_locked(self._home.run / "console.lock", self._home))
            sockets = self._open_ports(stack)
            lifeline, held = os.pipe()
            stack.callback(os.close, held)
            stack.callback(os.close, lifeline)
            published, unpublished = os.pipe()
            stack.callback(os.close, published)
            publish = stack.enter_context(os.fdopen(unpublished, "wb", 0))
            await self._serve(sockets, lifeline, published=published, publish=publish.close)

    async def _serve(
        self, sockets: Mapping[str, socket.socket], lifeline: int, *, published: int, publish: Callable[[], None]
    ) -> None:
        urls = {
            name: _url(LOOPBACK if name == "simulator" else self._options.host, listener)
            for name, listener in sockets.items()
        }
        try:
            async with asyncio.timeout(START_SECONDS), asyncio.TaskGroup() as starting:
                self._children += self._plan(sockets, urls, lifeline, published=published)
                if not self._console:
                    publish()
                for child in self._children:
                    starting.create_task(_start(child, publish if child.name == "console" else None))
        except TimeoutError:
            await self._stop_all()
            raise Unavailable(f"Penstock did not start within {START_SECONDS:.0f} s.", code="start_failed") from None
        except BaseExceptionGroup as group:
            await self._stop_all()
            raise _first_error(group) from group
        except BaseException:
            await self._stop_all()
            raise
        try:
            async with asyncio.TaskGroup() as keeping:
                for child in self._children:
                    keeping.create_task(child.keep())
                self._announce(urls)
                await self._stop.wait()
                await self._stop_all()
        finally:
            for plane in PLANES:
                (self._home.run / f"{plane}.url").unlink(missing_ok=True)
            if self._options.ready_file is not None:
                self._options.ready_file.unlink(missing_ok=True)

    def _needs_simulator(self) -> bool:
        """Whether it must stand in for a provider, because none is configured."""
        if not (self._console and self._options.simulator):
            return False
        # Reading the configuration needs the registry, which a gateway alone must not load.
        from penstock.registry.config import providers_configured  # noqa: PLC0415

        return not providers_configured(self._options.config or self._home.config)

    def _plan(
        self,
        sockets: Mapping[str, socket.socket],
        urls: Mapping[str, str],
        lifeline: int,
        *,
        published: int,
    ) -> Iterator[Child]:
        home = ["--home", str(self._home.path)]
        if "simulator" in sockets:
            yield Child("simulator", ["-m", "penstock.simulator"], listener=sockets["simulator"], lifeline=lifeline)
        if self._console:
            arguments = ["-m", "penstock.server.console_process", *home, "--console-url", urls["console"]]
            if self._gateway:
                arguments += ["--gateway-url", urls["gateway"]]
            if self._options.config is not None:
                arguments += ["--config", str(self._options.config.absolute())]
            if self._options.public_url:
                arguments += ["--public-url", self._options.public_url]
            if "simulator" in urls:
                arguments += ["--simulator-url", urls["simulator"]]
            yield Child("console", arguments, listener=sockets["console"], lifeline=lifeline)
        if self._gateway:
            arguments = ["-m", "penstock.server.gateway_worker", *home]
            for number in range(1, self._options.workers + 1):
                yield Child(
                    f"gateway worker {number}",
                    arguments,
                    listener=sockets["gateway"],
                    lifeline=lifeline,
                    published=published,
                )

    def _open_ports(self, stack: contextlib.ExitStack) -> dict[str, socket.socket]:
        sockets: dict[str, socket.socket] = {}
        wanted = {
            "gateway": (self._gateway, self._options.gateway_port),
            "console": (self._console, self._options.console_port),
        }
        for plane, (asked, port) in wanted.items():
            if asked:
                sockets[plane] = stack.enter_context(contextlib.closing(_listen(self._options.host, port, plane)))
        if self._needs_simulator():
            # Its port outlives it, so that a simulator that is restarted is found where the snapshot says.
            sockets["simulator"] = stack.enter_context(contextlib.closing(_listen(LOOPBACK, 0, "simulator")))
        return sockets

    def _announce(self, urls: Mapping[str, str]) -> None:
        for plane in PLANES:
            if plane in urls:
                replace_file(self._home.run / f"{plane}.url", urls[plane].encode())
        key_file = self._home.path / "admin.key"
        admin_key = key_file.read_text().strip() if key_file.exists() else None
        if self._options.ready_file is not None:
            content = {
                "gateway_url": urls.get("gateway"),
                "console_url": self._options.public_url or urls.get("console"),
                "admin_key": admin_key,
            }
            replace_file(self._options.ready_file.absolute(), msgspec.json.encode(content))
        if not self._options.quiet:
            facts = {key: value for child in self._children for key, value in child.facts.items()}
            banner.show(self._home, urls, admin_key=admin_key, facts=facts)

    async def _stop_all(self) -> None:
        """The gateway first, so that the console can store what it still records; the simulator last."""
        order = {"gateway": 0, "console": 1, "simulator": 2}
        patience = _patience(self._home)
        for rank in order.values():
            async with asyncio.TaskGroup() as stopping:
                for child in self._children:
                    if order[child.name.split()[0]] == rank:
                        stopping.create_task(child.stop(patience))


def run_up(options: UpOptions) -> int:
    """`penstock up`: both planes. Returns the exit code."""
    return _run(options, gateway=True, console=True)


def run_gateway(options: UpOptions) -> int:
    """`penstock gateway`: the data plane alone, on the home's snapshot."""
    return _run(options, gateway=True, console=False)


def run_console(options: UpOptions) -> int:
    """`penstock console`: the control plane alone."""
    return _run(options, gateway=False, console=True)


def _run(options: UpOptions, *, gateway: bool, console: bool) -> int:
    async def main() -> None:
        await Supervisor(options, gateway=gateway, console=console).run()

    try:
        asyncio.run(main())
    except PenstockError as error:
        sys.stderr.write(f"penstock: {error}\n")
        return EXIT_COULD_NOT
    return 0


def _patience(home: Home) -> float:
    """Seconds that a child may take to stop; the drain is the one that its workers follow."""
    try:
        drain = decode_snapshot(home.snapshot.read_bytes()).gateway.drain
    except (OSError, CorruptData):
        drain = 0.0
    return drain + STOP_SECONDS


async def _start(child: Child, then: Callable[[], None] | None) -> None:
    await child.start()
    if then is not None:
        then()


async def _read_line(fd: int) -> bytes:
    """The first line of a pipe; empty when the writer ends without one."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb", 0))
    try:
        return await reader.readline()
    finally:
        transport.close()


def _listen(host: str, port: int, plane: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = "is in use" if getattr(error, "errno", None) == 98 else f"cannot be opened ({error})"
        raise Unavailable(
            f"The {plane}'s port {port} on {host} {reason}.",
            hint=f"Stop what listens there, or choose another with --{plane}-port (0 picks a free one).",
            code="port_unavailable",
        ) from error
    return listener


@contextlib.contextmanager
def _locked(path: Path, home: Home) -> Generator[None]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                f"Another Penstock console runs on the home {home.path}.",
                hint="Stop it, or choose another home with --home DIR.",
                code="home_in_use",
            ) from None
        yield
    finally:
        os.close(fd)


def _url(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared, not bound
    return f"http://{shown}:{port}"


def _first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What the user should read: an error of ours where there is one."""
    ours = group.subgroup(PenstockError)
    error: BaseException = group if ours is None else ours
    while isinstance(error, BaseExceptionGroup):
        inner: tuple[BaseException, ...] = error.exceptions  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - narrowing loses the parameter
        error = inner[0]
    return error


def _exit_text(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
