"""One command, both planes: opens the ports, starts the processes, restarts what dies, stops in order.

It can also take the place of one that runs, on the same ports, and replace its own gateway workers one after another;
neither costs a call. `server.takeover` has the steps.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator

import msgspec

from penstock import __version__
from penstock.core.errors import Conflict, CorruptData, PenstockError, Unavailable
from penstock.core.files import replace_file
from penstock.core.home import Home
from penstock.server import banner
from penstock.server.child import STOP_SECONDS, Child
from penstock.server.options import DEFAULT_CONSOLE_PORT, DEFAULT_GATEWAY_PORT, DEFAULT_HOST, UpOptions
from penstock.server.places import LOOPBACK, ConsoleLock, address_of, listen, url_of
from penstock.server.takeover import (
    Answer,
    Connection,
    Handover,
    Place,
    Question,
    Running,
    control_socket,
    find_running,
)
from penstock.wire.snapshot import decode_snapshot

__all__ = ["Supervisor", "run_console", "run_gateway", "run_up"]

logger = logging.getLogger(__name__)

START_SECONDS = 30.0
RELEASE_SECONDS = 180.0
"""How long a new supervisor waits for the console of the one before; it stores what it still records."""
LOCK_SECONDS = 0.1
EXIT_COULD_NOT = 2
PLANES = ("gateway", "console")
STOP_ORDER = ("gateway", "console", "simulator")
"""The gateway first, so that the console can store what it still records; the simulator last."""


class Supervisor:
    """Runs the planes that were asked for, under one home."""

    def __init__(self, options: UpOptions, *, gateway: bool, console: bool) -> None:
        self._options = options
        self._gateway = gateway
        self._console = console
        self._home = Home(options.home)
        self._stop = asyncio.Event()
        self._children: list[Child] = []
        self._sockets: dict[str, socket.socket] = {}
        self._lock = ConsoleLock(self._home)
        self._changing = asyncio.Lock()
        self._handed_over = False

    async def run(self) -> None:
        """Start, keep running, and stop in order when a signal comes or another takes over.

        Raises:
            PenstockError: it could not start: home, port or configuration.
        """
        self._home.create()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        with contextlib.ExitStack() as stack:
            handover = await self._find_running() if self._options.replace else None
            if handover is not None:
                stack.enter_context(handover)
            # Let go before the handover ends: the one before takes it back when this one fails.
            stack.enter_context(self._lock)
            if self._console and handover is None:
                self._take_free_lock()
            await self._open_ports(stack, handover)
            lifeline, held = os.pipe()
            stack.callback(os.close, held)
            stack.callback(os.close, lifeline)
            published, unpublished = os.pipe()
            stack.callback(os.close, published)
            publish = stack.enter_context(os.fdopen(unpublished, "wb", 0))
            plan = list(self._plan(lifeline, published=published))
            try:
                await self._start(plan, publish.close, handover)
            except BaseException:
                await self._stop_all()
                raise
            await self._serve(stack)

    # --- starting -----------------------------------------------------------------------------

    async def _start(self, plan: list[Child], publish: Callable[[], None], handover: Handover | None) -> None:
        """Start all at once, or in the steps of a takeover; see `server.takeover`."""
        consoles = [child for child in plan if child.plane == "console"]
        others = [child for child in plan if child.plane != "console"]
        if handover is None:
            if not consoles:
                publish()
            await self._start_together(plan, publish)
            return
        # What the console before published is what its workers serve now.
        publish()
        await self._start_together(others, publish)
        if consoles:
            try:
                async with asyncio.timeout(RELEASE_SECONDS):
                    await handover.release_console()
                    await self._take_lock()
            except TimeoutError:
                raise Unavailable("The running console did not stop in time.", code="takeover_failed") from None
            if self._stop.is_set():
                return
            await self._start_together(consoles, publish)
        await handover.finish()

    async def _start_together(self, children: list[Child], publish: Callable[[], None]) -> None:
        self._children += children
        try:
            async with asyncio.timeout(START_SECONDS), asyncio.TaskGroup() as starting:
                for child in children:
                    starting.create_task(_start(child, publish if child.plane == "console" else None))
        except TimeoutError:
            raise Unavailable(f"Penstock did not start within {START_SECONDS:.0f} s.", code="start_failed") from None
        except BaseExceptionGroup as group:
            raise _first_error(group) from group

    async def _find_running(self) -> Handover | None:
        wanted = {"gateway": self._options.gateway_port} if self._gateway else {}
        if self._console:
            wanted["console"] = self._options.console_port
        return await find_running(self._home.run, wanted, host=self._options.host)

    def _needs_simulator(self) -> bool:
        """Whether it must stand in for a provider, because none is configured."""
        if not (self._console and self._options.simulator):
            return False
        # Reading the configuration needs the registry, which a gateway alone must not load.
        from penstock.registry.config import providers_configured  # noqa: PLC0415

        return not providers_configured(self._options.config or self._home.config)

    def _plan(self, lifeline: int, *, published: int) -> Iterator[Child]:
        home = ["--home", str(self._home.path)]
        urls = self._urls()
        if "simulator" in urls:
            listener = self._sockets["simulator"]
            yield Child("simulator", ["-m", "penstock.simulator"], listener=listener, lifeline=lifeline)
        if self._console:
            arguments = ["-m", "penstock.server.console_process", *home, "--console-url", urls["console"]]
            gateway_url = urls["gateway"] if self._gateway else self._options.gateway_url
            if gateway_url:
                arguments += ["--gateway-url", gateway_url]
            if self._options.config is not None:
                arguments += ["--config", str(self._options.config.absolute())]
            if self._options.public_url:
                arguments += ["--public-url", self._options.public_url]
            if "simulator" in urls:
                arguments += ["--simulator-url", urls["simulator"]]
            yield Child("console", arguments, listener=self._sockets["console"], lifeline=lifeline)
        if self._gateway:
            arguments = ["-m", "penstock.server.gateway_worker", *home]
            for number in range(1, self._options.workers + 1):
                yield Child(
                    f"gateway worker {number}",
                    arguments,
                    listener=self._sockets["gateway"],
                    lifeline=lifeline,
                    published=published,
                )

    async def _open_ports(self, stack: contextlib.ExitStack, handover: Handover | None) -> None:
        found = await handover.sockets() if handover is not None else {}
        for listener in found.values():
            stack.enter_context(contextlib.closing(listener))
        host = self._options.host or DEFAULT_HOST
        wanted = {
            "gateway": (self._gateway, self._options.gateway_port, DEFAULT_GATEWAY_PORT),
            "console": (self._console, self._options.console_port, DEFAULT_CONSOLE_PORT),
        }
        for plane, (asked, port, default) in wanted.items():
            if asked and plane not in found:
                found[plane] = stack.enter_context(
                    contextlib.closing(listen(host, default if port is None else port, plane))
                )
        if not self._needs_simulator():
            found.pop("simulator", None)
        elif "simulator" not in found:
            # Its port outlives it, so that a simulator that is restarted is found where the snapshot says.
            found["simulator"] = stack.enter_context(contextlib.closing(listen(LOOPBACK, 0, "simulator")))
        self._sockets = found

    def _urls(self) -> dict[str, str]:
        return {name: url_of(listener) for name, listener in self._sockets.items()}

    # --- serving ------------------------------------------------------------------------------

    async def _serve(self, stack: contextlib.ExitStack) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                for child in self._children:
                    tasks.create_task(child.keep())
                jobs = [tasks.create_task(self._listen(stack, tasks))]
                self._follow_hangups(tasks)
                self._announce()
                await self._stop.wait()
                for job in jobs:
                    job.cancel()
                await self._stop_all()
        finally:
            # These files are the other's now, where another has taken over.
            if not self._handed_over:
                for plane in PLANES:
                    (self._home.run / f"{plane}.url").unlink(missing_ok=True)
                if self._options.ready_file is not None:
                    self._options.ready_file.unlink(missing_ok=True)

    def _follow_hangups(self, tasks: asyncio.TaskGroup) -> None:
        """SIGHUP replaces the workers; at a terminal it goes on meaning that the terminal is gone."""

        def replace() -> None:
            if not self._stop.is_set():
                tasks.create_task(self._replace_on_hangup(tasks))

        at_terminal = sys.stdin is not None and sys.stdin.isatty()  # pyright: ignore[reportUnnecessaryComparison] - None in a daemon
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._stop.set if at_terminal else replace)

    def _announce(self) -> None:
        urls = self._urls()
        for plane in PLANES:
            if plane in urls:
                replace_file(self._home.run / f"{plane}.url", urls[plane].encode())
        key_file = self._home.admin_key
        admin_key = key_file.read_text().strip() if key_file.exists() else None
        if not self._options.quiet:
            facts = {key: value for child in self._children for key, value in child.facts.items()}
            banner.show(self._home, urls, admin_key=admin_key, facts=facts)
        # Last: who waits for this file finds everything else said.
        if self._options.ready_file is not None:
            content = {
                "gateway_url": urls.get("gateway"),
                "console_url": self._options.public_url or urls.get("console"),
                "admin_key": admin_key,
            }
            replace_file(self._options.ready_file.absolute(), msgspec.json.encode(content))

    async def _stop_all(self) -> None:
        patience = _patience(self._home)
        for plane in STOP_ORDER:
            async with asyncio.TaskGroup() as stopping:
                for child in self._children:
                    if child.plane == plane:
                        stopping.create_task(child.stop(patience))

    # --- being spoken to ----------------------------------------------------------------------

    async def _listen(self, stack: contextlib.ExitStack, tasks: asyncio.TaskGroup) -> None:
        """Answer commands and supervisors that take over, until cancelled."""
        try:
            listener = stack.enter_context(control_socket(self._home.run))
        except OSError as error:
            logger.warning("workers cannot be replaced, nor this process: no socket in %s: %s", self._home.run, error)
            return
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as sessions:
            while True:
                accepted, _ = await loop.sock_accept(listener)
                sessions.create_task(self._session(Connection(accepted), tasks))

    async def _session(self, connection: Connection, tasks: asyncio.TaskGroup) -> None:
        with contextlib.closing(connection):
            try:
                question = await connection.receive(Question)
                if question is None:
                    return
                if question.do == "describe":
                    await connection.send(Answer(running=self._described()))
                elif self._changing.locked():
                    await connection.send(Answer(error="Workers are being replaced, or another takes over, right now."))
                elif question.do == "replace_workers":
                    await connection.send(await self._replace_workers(tasks))
                elif question.do == "take_over":
                    async with self._changing:
                        await self._hand_over(connection, tasks)
            except (OSError, msgspec.MsgspecError) as error:
                logger.warning("a command to this supervisor was cut off: %s", error)

    def _described(self) -> Running:
        places = {plane: address_of(self._sockets[plane]) for plane in PLANES if plane in self._sockets}
        return Running(
            pid=os.getpid(),
            program=__version__,
            planes={plane: Place(host=host, port=port) for plane, (host, port) in places.items()},
            workers=self._options.workers,
        )

    async def _replace_on_hangup(self, tasks: asyncio.TaskGroup) -> None:
        if self._changing.locked():
            logger.warning("SIGHUP was passed over: workers are being replaced, or another takes over")
        else:
            await self._replace_workers(tasks)

    async def _replace_workers(self, tasks: asyncio.TaskGroup) -> Answer:
        """Start a worker, and when it serves, drain the one it stands for; one after another."""
        replaced = 0
        async with self._changing:
            for old in [child for child in self._children if child.plane == "gateway"]:
                new = old.another()
                # Known before it is there, so that a stop in between stops it too.
                self._children.append(new)
                try:
                    async with asyncio.timeout(START_SECONDS):
                        await new.start()
                except (PenstockError, TimeoutError) as error:
                    await new.stop()
                    self._children.remove(new)
                    message = f"The {new.name} could not be replaced, and the one before serves on: {error}"
                    logger.error("%s", message)  # noqa: TRY400 - the child has printed its own traceback
                    return Answer(error=message, replaced=replaced)
                if self._stop.is_set():
                    await new.stop(_patience(self._home))
                    return Answer(error="This Penstock is stopping.", replaced=replaced)
                tasks.create_task(new.keep())
                await old.stop(_patience(self._home))
                self._children.remove(old)
                replaced += 1
                logger.info("the %s was replaced (process %s)", new.name, new.pid)
        return Answer(replaced=replaced)

    async def _hand_over(self, connection: Connection, tasks: asyncio.TaskGroup) -> None:
        """Give the ports to a new supervisor, and go on if it does not get to the end."""
        names = tuple(self._sockets)
        descriptors = [self._sockets[name].fileno() for name in names]
        await connection.send(Answer(sockets=names), descriptors=descriptors)
        released: list[Child] = []
        try:
            while True:
                question = await connection.receive(Question)
                if question is None:
                    logger.error("the Penstock that was taking over gave up; this one serves on")
                    return
                if question.do == "release_console":
                    released = await self._release_console()
                    await connection.send(Answer())
                elif question.do == "finish":
                    logger.info("another Penstock has taken over; draining")
                    self._handed_over = True
                    self._stop.set()
                    return
        finally:
            if not self._handed_over and not self._stop.is_set():
                for child in released:
                    tasks.create_task(self._resume(child.another()))

    async def _release_console(self) -> list[Child]:
        consoles = [child for child in self._children if child.plane == "console"]
        for child in consoles:
            await child.stop(_patience(self._home))
            self._children.remove(child)
        self._lock.release()
        return consoles

    async def _resume(self, console: Child) -> None:
        """Start the console again that was stopped for a takeover that failed."""
        await self._take_lock()
        if self._stop.is_set():
            return
        self._children.append(console)
        try:
            await console.start()
        except PenstockError as error:
            logger.error("%s", error)  # noqa: TRY400 - the child has printed its own traceback
        if self._stop.is_set():
            await console.stop()
        await console.keep()

    def _take_free_lock(self) -> None:
        try:
            self._lock.acquire()
        except Conflict as error:
            if not self._options.replace:
                raise
            raise Conflict(
                f"{error.message} It cannot hand over to this one: it is still starting, or too old a version.",
                hint="Try again in a moment, or stop it first.",
                code="takeover_failed",
            ) from error

    async def _take_lock(self) -> None:
        """Take the home's console lock as soon as the other has let go of it, or this one is to stop."""
        while not self._stop.is_set():
            try:
                self._lock.acquire()
            except Conflict:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), LOCK_SECONDS)
            else:
                return


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
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)
            # All is done: being told again must not turn the end into a death.
            signal.signal(number, signal.SIG_IGN)

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


def _first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What the user should read: an error of ours where there is one."""
    ours = group.subgroup(PenstockError)
    error: BaseException = group if ours is None else ours
    while isinstance(error, BaseExceptionGroup):
        inner: tuple[BaseException, ...] = error.exceptions  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - narrowing loses the parameter
        error = inner[0]
    return error
