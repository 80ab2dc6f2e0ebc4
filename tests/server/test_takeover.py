"""How supervisors speak to each other: sockets with descriptors, and who is found to be replaced."""

import asyncio
import contextlib
import os
import socket
import stat
from pathlib import Path

import pytest

from penstock.core.errors import Conflict, Unavailable
from penstock.core.home import Home
from penstock.server.places import ConsoleLock, listen, url_of
from penstock.server.takeover import (
    PROTOCOL,
    Answer,
    Connection,
    Place,
    Question,
    Running,
    ask,
    control_socket,
    find_running,
    running,
)

BOTH = {"gateway": Place(host="127.0.0.1", port=4100), "console": Place(host="127.0.0.1", port=4180)}
GATEWAY = {"gateway": BOTH["gateway"]}
ANYWHERE = "0.0.0.0"  # noqa: S104 - a port of the test's own, open for a moment


class Old:
    """A supervisor's side of the conversation, as a test wants it.

    Args:
        folder: The run folder.
        planes: Those that it says it runs.
        answers: What it answers to anything but `describe`; None hangs up.
        descriptors: What goes along.
    """

    def __init__(self, folder: Path, planes=BOTH, *, answers=None, descriptors=(), protocol=PROTOCOL, pid=1):
        self._folder = folder
        self._described = Running(pid=pid, program="9.9", planes=planes, workers=1, protocol=protocol)
        self._answer = answers
        self._descriptors = descriptors
        self.asked: list[str] = []

    async def __aenter__(self):
        self._stack = contextlib.ExitStack()
        self._listener = self._stack.enter_context(control_socket(self._folder))
        self._task = asyncio.create_task(self._serve())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._stack.close()

    async def _serve(self):
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as sessions:
            while True:
                accepted, _ = await loop.sock_accept(self._listener)
                sessions.create_task(self._session(Connection(accepted)))

    async def _session(self, connection):
        with contextlib.closing(connection):
            while (question := await connection.receive(Question)) is not None:
                if question.do == "describe":
                    await connection.send(Answer(running=self._described))
                    continue
                self.asked.append(question.do)
                if self._answer is None:
                    return
                await connection.send(self._answer, descriptors=self._descriptors)


@pytest.fixture
def folder(tmp_path):
    """As deep as a home may lie: deeper than a socket's path may be long."""
    home = Home(tmp_path / ("d" * 100) / "home")
    home.create()
    return home.run


async def test_a_running_supervisor_is_found_and_what_a_dead_one_left_is_removed(folder):
    dead = folder / "supervisor-dead.sock"
    with socket.socket(socket.AF_UNIX) as left, contextlib.chdir(folder):
        left.bind(dead.name)
    async with Old(folder, pid=42):
        ((path, found),) = await running(folder)
        assert (found.pid, found.planes) == (42, BOTH)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not dead.exists()
    assert await running(folder) == []
    assert list(folder.iterdir()) == []


async def test_one_that_speaks_something_else_is_passed_over(folder):
    async with Old(folder), asyncio.TaskGroup() as tasks:
        with control_socket(folder) as strange:

            async def rubbish():
                accepted, _ = await asyncio.get_running_loop().sock_accept(strange)
                with accepted:
                    await asyncio.get_running_loop().sock_sendall(accepted, b"220 smtp ready\n")

            tasks.create_task(rubbish())
            assert len(await running(folder)) == 1


async def test_listening_sockets_are_handed_over_with_their_queue(folder):
    with listen("127.0.0.1", 0, "gateway") as mine, socket.create_connection(mine.getsockname()) as caller:
        answer = Answer(sockets=("gateway",))
        async with Old(folder, answers=answer, descriptors=[mine.fileno()]) as old:
            found = await find_running(folder, dict.fromkeys(BOTH), host=None)
            assert found is not None
            with found as handover:
                handed = (await handover.sockets())["gateway"]
                await handover.finish()
            assert not os.get_inheritable(handed.fileno())
            with handed:
                url = url_of(handed)
                mine.close()
                # A connection that nobody had accepted yet is the new one's to accept.
                accepted, address = handed.accept()
                assert address == caller.getsockname()
                accepted.close()
                assert url.startswith("http://127.0.0.1:")
            assert old.asked[0] == "take_over"


async def test_ports_that_do_not_come_are_an_error(folder):
    for answers in (None, Answer(sockets=("gateway", "console"))):
        async with Old(folder, answers=answers):
            found = await find_running(folder, dict.fromkeys(BOTH), host=None)
            assert found is not None
            with found, pytest.raises(Unavailable, match="did not hand over"):
                await found.sockets()


async def test_a_refusal_is_told_in_its_own_words(folder):
    async with Old(folder, answers=Answer(error="Workers are being replaced.")) as old:
        found = await find_running(folder, dict.fromkeys(BOTH), host=None)
        assert found is not None
        with found, pytest.raises(Conflict, match="Workers are being replaced"):
            await found.sockets()
        ((path, _),) = await running(folder)
        with pytest.raises(Conflict, match="Workers are being replaced"):
            await ask(path, Question(do="replace_workers"))
        assert old.asked == ["take_over", "replace_workers"]


async def test_a_supervisor_that_ends_while_it_is_asked_is_named(folder):
    async with Old(folder):
        ((path, _),) = await running(folder)
        with pytest.raises(Unavailable, match="ended before it answered"):
            await ask(path, Question(do="replace_workers"))
    with pytest.raises(Unavailable, match="cannot be spoken to"):
        await ask(path, Question(do="replace_workers"))


async def test_a_console_that_ended_with_its_supervisor_counts_as_released(folder):
    async with Old(folder):
        found = await find_running(folder, dict.fromkeys(BOTH), host=None)
        assert found is not None
        with found:
            await found.release_console()
            await found.finish()


async def test_nothing_is_replaced_where_nothing_runs_or_only_the_other_plane(folder):
    assert await find_running(folder, {"gateway": None}, host=None) is None
    async with Old(folder, planes={"console": BOTH["console"]}):
        assert await find_running(folder, {"gateway": None}, host=None) is None


@pytest.mark.parametrize(
    ("wanted", "host", "match"),
    [
        ({"gateway": None}, None, "process 1 runs gateway and console"),
        ({"gateway": 4101, "console": None}, None, "port 4100, and port 4101"),
        ({"gateway": 4100, "console": 1}, None, "port 4180, and port 1 "),
        ({"gateway": None, "console": None}, "192.0.2.1", r"listens on 127\.0\.0\.1, and 192\.0\.2\.1"),
    ],
)
async def test_one_that_runs_other_planes_or_ports_is_not_replaced(folder, wanted, host, match):
    async with Old(folder) as old:
        with pytest.raises(Conflict, match=match):
            await find_running(folder, wanted, host=host)
        assert old.asked == []


async def test_one_of_an_unknown_protocol_is_not_replaced(folder):
    async with Old(folder, protocol=PROTOCOL + 1):
        with pytest.raises(Conflict, match=r"version 9\.9, which cannot hand over"):
            await find_running(folder, dict.fromkeys(BOTH), host=None)


async def test_of_several_gateways_the_port_says_which_one_is_meant(folder):
    other = {"gateway": Place(host="127.0.0.1", port=4101)}
    async with Old(folder, planes=GATEWAY, pid=1), Old(folder, planes=other, pid=2):
        with pytest.raises(Conflict, match=r"process 1 .*process 2|process 2 .*process 1"):
            await find_running(folder, {"gateway": None}, host=None)
        found = await find_running(folder, {"gateway": 4101}, host=None)
        assert found is not None
        with found:
            assert found.running.pid == 2


async def test_an_endless_line_is_not_waited_for(folder):
    one, other = socket.socketpair()
    receiver = Connection(one)
    with other, contextlib.closing(receiver):
        other.setblocking(False)
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(receiver.receive(Question))
            while not asked.done():
                with contextlib.suppress(BlockingIOError):
                    other.send(b"x" * 4096)
                await asyncio.sleep(0)
    assert asked.result() is None


def test_the_console_lock_is_held_by_one_and_can_be_let_go(tmp_path):
    home = Home(tmp_path)
    home.create()
    with ConsoleLock(home) as one, ConsoleLock(home) as other:
        one.acquire()
        with pytest.raises(Conflict, match="--replace"):
            other.acquire()
        one.release()
        other.acquire()
    with ConsoleLock(home) as again:
        again.acquire()


@pytest.mark.parametrize(("host", "shown"), [(ANYWHERE, "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_an_address_is_shown_as_this_machine_reaches_it(host, shown):
    with listen(host, 0, "gateway") as listener:
        assert url_of(listener) == f"http://{shown}:{listener.getsockname()[1]}"


def test_a_port_that_cannot_be_opened_says_why():
    with listen("127.0.0.1", 0, "gateway") as taken, pytest.raises(Unavailable, match="is in use"):
        listen("127.0.0.1", taken.getsockname()[1], "gateway")
    with pytest.raises(Unavailable, match="cannot be opened"):
        listen("127.0.0.1", 70_000, "gateway")
