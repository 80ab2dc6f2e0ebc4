"""The gateway's HTTP/1.1 server, on real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from penstock.core.errors import InvalidInput, PenstockError, TooLarge
from penstock.gateway.inbound.connection import (
    BODY_SECONDS,
    HEAD_SECONDS,
    KEEPALIVE_SECONDS,
    MAX_DISCARDED,
    MAX_HEAD,
)
from penstock.gateway.inbound.listener import Listener
from penstock.gateway.inbound.request import Request

OK = b"HTTP/1.1 200 OK\r\n"
POST = b"POST /echo HTTP/1.1\r\nhost: localhost\r\n"
GET = b"GET /echo HTTP/1.1\r\nhost: localhost\r\n\r\n"

Application = Callable[[Request], Awaitable[None]]


class Caller:
    """A connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def answer(self) -> tuple[bytes, bytes]:
        """Head and body of one answer."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)
        lower = head.lower()
        if b"content-length: " in lower:
            length = int(lower.split(b"content-length: ")[1].split(b"\r\n")[0])
            return head, await asyncio.wait_for(self.reader.readexactly(length), 5)
        if b"chunked" not in lower:
            return head, await asyncio.wait_for(self.reader.read(), 5)
        body = b""
        while True:
            size = int(await asyncio.wait_for(self.reader.readline(), 5), 16)
            body += (await asyncio.wait_for(self.reader.readexactly(size + 2), 5))[:-2]
            if size == 0:
                return head, body

    async def ended(self) -> bytes:
        """What still comes until the connection is closed."""
        with contextlib.suppress(ConnectionError):
            return await asyncio.wait_for(self.reader.read(), 5)
        return b""

    def leave(self) -> None:
        self.writer.transport.abort()


class Served:
    """A listener with an application, and callers of it."""

    def __init__(self) -> None:
        self.seen: list[Request] = []
        self.listener = Listener(self.run)
        self.application: Application = self.echo
        self.port = 0
        self.callers: list[Caller] = []

    async def run(self, request: Request) -> None:
        self.seen.append(request)
        await self.application(request)

    async def echo(self, request: Request) -> None:
        try:
            body = await request.body(10_000_000)
        except PenstockError as error:
            request.respond(b"HTTP/1.1 %d X\r\n" % error.status, error.code.encode())
        else:
            request.respond(OK, body[:100] if len(body) < 1000 else b"%d" % len(body))

    async def caller(self) -> Caller:
        caller = Caller(*await asyncio.open_connection("127.0.0.1", self.port))
        self.callers.append(caller)
        return caller


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    served = Served()
    server = await asyncio.get_running_loop().create_server(served.listener.connection, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    yield served
    for caller in served.callers:
        caller.leave()
    server.close()
    served.listener.drain()
    await served.listener.drained(1)
    assert not served.listener.connections
    assert served.listener.in_flight == 0


async def test_a_body_is_read_whole_however_it_is_cut(served: Served) -> None:
    caller = await served.caller()
    data = POST + b"content-length: 11\r\n\r\nhello world"
    await caller.say(*[data[at : at + 1] for at in range(len(data))])
    assert (await caller.answer())[1] == b"hello world"


async def test_a_chunked_body_is_read(served: Served) -> None:
    caller = await served.caller()
    await caller.say(POST + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", b"6\r\n world\r\n0\r\n\r\n")
    assert (await caller.answer())[1] == b"hello world"


async def test_a_connection_serves_one_request_after_another(served: Served) -> None:
    caller = await served.caller()
    for number in range(3):
        await caller.say(POST + b"content-length: 1\r\n\r\n%d" % number)
        assert (await caller.answer())[1] == b"%d" % number
    assert len(served.listener.connections) == 1


async def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    turn = asyncio.Event()

    async def slow_first(request: Request) -> None:
        if len(served.seen) == 1:
            await turn.wait()
        await served.echo(request)

    served.application = slow_first
    caller = await served.caller()
    await caller.say(b"".join(POST + b"content-length: 1\r\n\r\n%d" % number for number in range(5)))
    while not served.seen:
        await asyncio.sleep(0)
    assert len(served.seen) == 1
    turn.set()
    assert [(await caller.answer())[1] for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]


async def test_names_of_headers_do_not_mind_their_case_and_repeated_ones_are_joined(served: Served) -> None:
    caller = await served.caller()
    await caller.say(b"GET /a%20b?x=1 HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nx-one: 2\r\n\r\n")
    await caller.answer()
    request = served.seen[0]
    assert (request.path, request.raw_path, request.query) == ("/a b", b"/a%20b", b"x=1")
    assert request.header("x-one") == "1, 2"
    assert request.header("x-two") is None


async def test_the_absolute_form_of_a_target_is_its_path(served: Served) -> None:
    caller = await served.caller()
    await caller.say(b"GET http://elsewhere.example/path HTTP/1.1\r\nhost: h\r\n\r\n")
    await caller.answer()
    assert served.seen[0].path == "/path"


@pytest.mark.parametrize("nonsense", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n"])
async def test_what_is_not_http_is_refused_and_the_connection_closed(served: Served, nonsense: bytes) -> None:
    caller = await served.caller()
    await caller.say(nonsense + b"\r\n\r\n")
    assert (await caller.ended()).startswith(b"HTTP/1.1 400 ")
    assert served.seen == []


@pytest.mark.parametrize(
    "smuggled",
    [
        b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /admin HTTP/1.1\r\n\r\n",
        b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"content-length : 5\r\n\r\nhello",
    ],
)
async def test_a_body_of_two_lengths_is_refused(served: Served, smuggled: bytes) -> None:
    caller = await served.caller()
    await caller.say(POST + smuggled)
    received = await caller.ended()
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.count(b"HTTP/1.1 ") == 1
    assert [request.path for request in served.seen] in ([], ["/echo"])


@pytest.mark.parametrize("start", [POST + b"x-filler: ", b"GET /", b"POST / HTTP/1.1\r\nx-"])
async def test_a_head_without_an_end_is_refused_at_the_limit(served: Served, start: bytes) -> None:
    """FAILURES S15."""
    caller = await served.caller()
    with contextlib.suppress(ConnectionError):
        await caller.say(start, *[b"a" * 8192] * (MAX_HEAD // 8192 + 2))
    received = await caller.ended()
    assert received.startswith(b"HTTP/1.1 431 ") or received == b""
    assert served.seen == []


async def test_a_head_after_another_request_is_bounded_too(served: Served) -> None:
    """FAILURES S15."""
    caller = await served.caller()
    await caller.say(POST + b"content-length: 1\r\n\r\nx")
    await caller.answer()
    with contextlib.suppress(ConnectionError):
        await caller.say(POST, *[b"x-a: b\r\n" * 1024] * (MAX_HEAD // 8192 + 2))
    received = await caller.ended()
    assert received.startswith(b"HTTP/1.1 431 ") or received == b""
    assert len(served.seen) == 1


async def test_a_body_has_no_part_in_the_heads_limit(served: Served) -> None:
    caller = await served.caller()
    size = 40 * MAX_HEAD
    for _ in range(2):
        await caller.say(POST + b"content-length: %d\r\n\r\n" % size, b"x" * size)
        assert (await caller.answer())[1] == b"%d" % size


async def test_a_body_over_the_limit_is_refused_before_it_came_and_the_connection_lives_on(served: Served) -> None:
    async def refuse(request: Request) -> None:
        with pytest.raises(TooLarge):
            await request.body(10)
        request.respond(b"HTTP/1.1 413 X\r\n", b"")

    served.application = refuse
    caller = await served.caller()
    await caller.say(POST + b"content-length: 2000000\r\n\r\n")
    assert (await caller.answer())[0].startswith(b"HTTP/1.1 413")
    await caller.say(b"x" * 2_000_000)
    served.application = served.echo
    await caller.say(POST + b"content-length: 2\r\n\r\nhi")
    assert (await caller.answer())[1] == b"hi"


async def test_a_chunked_body_is_refused_once_it_is_over_the_limit(served: Served) -> None:
    async def refuse(request: Request) -> None:
        with pytest.raises(TooLarge):
            await request.body(10)
        request.respond(b"HTTP/1.1 413 X\r\n", b"")

    served.application = refuse
    caller = await served.caller()
    await caller.say(POST + b"transfer-encoding: chunked\r\n\r\nb\r\nhello world\r\n")
    assert (await caller.answer())[0].startswith(b"HTTP/1.1 413")


async def test_what_is_left_of_a_refused_body_is_read_to_a_bound(served: Served) -> None:
    async def refuse(request: Request) -> None:
        request.respond(b"HTTP/1.1 401 X\r\n", b"")

    served.application = refuse
    caller = await served.caller()
    await caller.say(POST + b"content-length: %d\r\n\r\n" % (4 * MAX_DISCARDED))
    await caller.answer()
    flood = [b"x" * 1_000_000] * (4 * MAX_DISCARDED // 1_000_000)
    with pytest.raises(ConnectionError):
        await caller.say(*flood)


async def test_a_compressed_body_is_refused(served: Served) -> None:
    caller = await served.caller()
    await caller.say(POST + b"content-encoding: gzip\r\ncontent-length: 1\r\n\r\nx")
    assert (await caller.answer())[1] == b"unsupported_encoding"


async def test_a_caller_that_waits_for_100_continue_is_told_to_go_on(served: Served) -> None:
    caller = await served.caller()
    await caller.say(POST + b"expect: 100-continue\r\ncontent-length: 2\r\n\r\n")
    assert await asyncio.wait_for(caller.reader.readuntil(b"\r\n\r\n"), 5) == b"HTTP/1.1 100 Continue\r\n\r\n"
    await caller.say(b"hi")
    assert (await caller.answer())[1] == b"hi"


@pytest.mark.parametrize("together", [True, False])
async def test_an_offer_to_upgrade_is_passed_over(served: Served, together: bool) -> None:
    """Some clients of plain HTTP offer HTTP/2 with their first request."""
    caller = await served.caller()
    head = POST + b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\ncontent-length: 2\r\n\r\n"
    await caller.say(*([head + b"hi"] if together else [head, b"h", b"i"]))
    head, body = await caller.answer()
    assert body == b"hi"
    assert b"connection: close" in head
    assert await caller.ended() == b""


async def test_a_head_request_gets_a_head_only(served: Served) -> None:
    caller = await served.caller()

    async def stream(request: Request) -> None:
        request.open(OK)
        await request.write(b"never sent")
        request.end(b"nor this")

    await caller.say(b"HEAD / HTTP/1.1\r\nhost: h\r\n\r\n")
    assert await asyncio.wait_for(caller.reader.readuntil(b"\r\n\r\n"), 5) == OK + b"content-length: 0\r\n\r\n"
    served.application = stream
    await caller.say(b"HEAD / HTTP/1.1\r\nhost: h\r\n\r\n")
    await asyncio.wait_for(caller.reader.readuntil(b"\r\n\r\n"), 5)
    served.application = served.echo
    await caller.say(GET)
    assert (await caller.answer())[1] == b""


@pytest.mark.parametrize(
    ("line", "closes"),
    [
        (b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nhost: h\r\n\r\n", False),
    ],
)
async def test_a_connection_is_kept_as_its_caller_asks(served: Served, line: bytes, closes: bool) -> None:
    caller = await served.caller()
    await caller.say(line)
    head, _ = await caller.answer()
    assert (b"connection: close" in head) is closes
    if closes:
        assert await caller.ended() == b""
    else:
        await caller.say(GET)
        await caller.answer()


async def stream_of_three(request: Request) -> None:
    request.open(OK)
    for part in (b"one", b"", b"two"):
        await request.write(part)
    request.end(b"three")


async def test_a_stream_is_chunked(served: Served) -> None:
    served.application = stream_of_three
    caller = await served.caller()
    for _ in range(2):
        await caller.say(GET)
        head, body = await caller.answer()
        assert b"transfer-encoding: chunked" in head
        assert body == b"onetwothree"


async def test_a_stream_to_an_older_caller_ends_with_its_connection(served: Served) -> None:
    served.application = stream_of_three
    caller = await served.caller()
    await caller.say(b"GET / HTTP/1.0\r\n\r\n")
    head, body = await caller.answer()
    assert b"chunked" not in head
    assert body == b"onetwothree"


async def test_a_stream_of_known_length_is_not_chunked(served: Served) -> None:
    async def known(request: Request) -> None:
        request.open(OK, length=6)
        await request.write(b"abc")
        request.end(b"def")

    served.application = known
    caller = await served.caller()
    await caller.say(GET)
    head, body = await caller.answer()
    assert b"content-length: 6" in head
    assert body == b"abcdef"


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_has_no_length_of_one(served: Served, status: int) -> None:
    head = b"HTTP/1.1 %d X\r\n" % status

    async def whole(request: Request) -> None:
        request.respond(head, b"never sent")

    async def streamed(request: Request) -> None:
        request.open(head)
        await request.write(b"never sent")
        request.end(b"nor this")

    caller = await served.caller()
    for served.application in (whole, streamed):
        await caller.say(GET)
        assert await asyncio.wait_for(caller.reader.readuntil(b"\r\n\r\n"), 5) == head + b"\r\n"


async def test_a_slow_reader_makes_the_application_wait(served: Served) -> None:
    """FAILURES G9."""
    written = 0

    async def pour(request: Request) -> None:
        nonlocal written
        request.open(OK)
        for _ in range(400):
            await request.write(b"x" * 100_000)
            written += 1
        request.end()

    served.application = pour
    caller = await served.caller()
    await caller.say(GET)
    while not written:
        await asyncio.sleep(0)
    for _ in range(500):
        await asyncio.sleep(0)
    assert written < 300
    assert len((await caller.answer())[1]) == 40_000_000


async def test_all_who_wait_for_a_slow_reader_go_on_when_it_reads(served: Served) -> None:
    """FAILURES G18: a comment that keeps a stream alive must not make its own writer wait for ever."""
    waiting = 0
    any_done = asyncio.Event()

    async def pour(request: Request) -> None:
        request.open(OK)

        async def write_much() -> None:
            nonlocal waiting
            waiting += 1
            await request.write(b"x" * 20_000_000)
            any_done.set()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(write_much())
            tasks.create_task(write_much())
        request.end()

    served.application = pour
    caller = await served.caller()
    await caller.say(GET)
    while waiting < 2:
        await asyncio.sleep(0)
    assert not any_done.is_set()
    assert len((await caller.answer())[1]) == 40_000_000


async def test_a_body_that_nobody_reads_yet_makes_the_caller_wait(served: Served) -> None:
    """FAILURES G9."""
    go = asyncio.Event()
    sizes: list[int] = []

    async def later(request: Request) -> None:
        await go.wait()
        while part := await request.read():
            sizes.append(len(part))
        request.respond(OK, b"%d" % sum(sizes))

    served.application = later
    caller = await served.caller()
    size = 20_000_000
    caller.writer.write(POST + b"content-length: %d\r\n\r\n" % size + b"x" * size)
    while not served.seen:
        await asyncio.sleep(0)
    for _ in range(500):
        await asyncio.sleep(0)
    assert caller.writer.transport.get_write_buffer_size() > 0  # type: ignore[attr-defined]
    go.set()
    assert (await caller.answer())[1] == b"%d" % size
    assert max(sizes) < 2_000_000


async def test_a_caller_that_leaves_is_reported_at_once_and_only_before_the_end(served: Served) -> None:
    """FAILURES G13."""
    left = asyncio.Event()
    ended = asyncio.Event()

    async def wait(request: Request) -> None:
        request.on_disconnect = left.set
        await left.wait()
        request.respond(OK, b"into the void")
        ended.set()

    served.application = wait
    caller = await served.caller()
    await caller.say(GET)
    while not served.seen:
        await asyncio.sleep(0)
    caller.leave()
    await asyncio.wait_for(ended.wait(), 5)

    calls: list[None] = []

    async def quick(request: Request) -> None:
        request.on_disconnect = lambda: calls.append(None)
        request.respond(OK, b"")

    served.application = quick
    caller = await served.caller()
    await caller.say(GET)
    await caller.answer()
    caller.leave()
    while served.listener.connections:
        await asyncio.sleep(0)
    assert calls == []


async def test_a_caller_that_leaves_in_the_middle_of_its_body_ends_the_reading(served: Served) -> None:
    caught: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def read(request: Request) -> None:
        try:
            await request.body(1000)
        except InvalidInput as error:
            caught.set_result(error.code)

    served.application = read
    caller = await served.caller()
    await caller.say(POST + b"content-length: 100\r\n\r\nhalf")
    while not served.seen:
        await asyncio.sleep(0)
    caller.leave()
    assert await asyncio.wait_for(caught, 5) == "client_disconnected"


async def test_a_defect_closes_its_own_connection_only(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(request: Request) -> None:
        if request.method == "GET":
            raise RuntimeError("a defect")
        await served.echo(request)

    served.application = broken
    good, bad = await served.caller(), await served.caller()
    await bad.say(GET)
    assert await bad.ended() == b""
    await good.say(POST + b"content-length: 2\r\n\r\nhi")
    assert (await good.answer())[1] == b"hi"
    assert "a defect" in caplog.text


async def test_an_answer_that_is_broken_off_does_not_look_complete(served: Served) -> None:
    async def broken_off(request: Request) -> None:
        request.open(OK)
        await request.write(b"half")

    served.application = broken_off
    caller = await served.caller()
    await caller.say(GET)
    assert b"0\r\n\r\n" not in await caller.ended()


async def test_connections_that_do_not_come_on_are_closed(served: Served) -> None:
    idle, half_head, half_body, used = [await served.caller() for _ in range(4)]
    await half_head.say(b"GET / HT")
    await half_body.say(POST + b"content-length: 10\r\n\r\nhalf")
    await used.say(GET)
    await used.answer()
    while len(served.seen) < 2 or not any(connection.head_began for connection in served.listener.connections):
        await asyncio.sleep(0)
    now = served.listener.now

    def sweep(later: float) -> int:
        for connection in list(served.listener.connections):
            connection.sweep(now + later, draining_since=None)
        return len(served.listener.connections)

    assert sweep(1) == 4
    sweep(HEAD_SECONDS + 1)
    assert await half_head.ended() == b""
    sweep(BODY_SECONDS + 1)
    assert await half_body.ended() == b""
    sweep(KEEPALIVE_SECONDS + 1)
    assert await idle.ended() == await used.ended() == b""


async def test_draining_answers_what_comes_and_then_closes(served: Served) -> None:
    go = asyncio.Event()

    async def wait(request: Request) -> None:
        await go.wait()
        await served.echo(request)

    busy, idle = await served.caller(), await served.caller()
    await idle.say(GET)
    await idle.answer()
    served.application = wait
    await busy.say(GET)
    while len(served.seen) < 2:
        await asyncio.sleep(0)
    served.listener.drain()
    served.application = served.echo
    await idle.say(GET)
    head, _ = await idle.answer()
    assert b"connection: close" in head
    assert await idle.ended() == b""
    go.set()
    head, _ = await busy.answer()
    assert b"connection: close" in head
    assert await busy.ended() == b""


async def test_what_does_not_end_while_draining_is_broken_off(served: Served) -> None:
    cancelled = asyncio.Event()

    async def for_ever(request: Request) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            request.respond(b"HTTP/1.1 503 X\r\n", b"stopping")

    served.application = for_ever
    caller = await served.caller()
    await caller.say(GET)
    while not served.seen:
        await asyncio.sleep(0)
    served.listener.drain()
    await served.listener.drained(0.05)
    assert cancelled.is_set()
    assert (await caller.answer())[1] == b"stopping"
