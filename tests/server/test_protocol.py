"""What is bounded before a request reaches any application."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvicorn

from penstock.server.protocol import MAX_HEAD, BoundedProtocol

Talk = Callable[[list[bytes]], Any]


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the number of bytes of the body."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"%d" % size
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    """Sends pieces on one connection and reads until it is quiet or closed."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(echo, http=BoundedProtocol, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]

    async def talk(pieces: list[bytes], *, answers: int = 1) -> bytes:
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        received = b""
        try:
            for piece in pieces:
                writer.write(piece)
                with contextlib.suppress(ConnectionError):
                    await writer.drain()
            with contextlib.suppress(ConnectionError):
                while received.count(b"HTTP/1.1 ") < answers or not received.endswith((b"\r\n0", b"bytes.", b"0")):
                    data = await asyncio.wait_for(reader.read(65536), 5)
                    if not data:
                        break
                    received += data
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        return received

    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.005)
        yield talk
        server.should_exit = True
        await serving


HEAD = b"POST / HTTP/1.1\r\nhost: localhost\r\n"


@pytest.mark.parametrize("start", [HEAD + b"x-filler: ", b"GET /", b"POST / HTTP/1.1\r\nx-"])
async def test_a_head_without_an_end_is_refused_at_the_limit(talk: Talk, start: bytes) -> None:
    """FAILURES S15."""
    received = await talk([start, *[b"a" * 8192] * (MAX_HEAD // 8192 + 2)])
    assert received.startswith(b"HTTP/1.1 431 ") or received == b""


async def test_many_small_headers_count_together(talk: Talk) -> None:
    """FAILURES S15."""
    received = await talk([HEAD, *[b"x-a: b\r\n" * 1024] * (MAX_HEAD // 8192 + 2)])
    assert received.startswith(b"HTTP/1.1 431 ") or received == b""


async def test_a_head_under_the_limit_passes_however_it_is_cut(talk: Talk) -> None:
    head = HEAD + b"x-filler: " + b"a" * (MAX_HEAD // 2) + b"\r\ncontent-length: 10\r\n\r\n"
    pieces = [head[at : at + 1000] for at in range(0, len(head), 1000)]
    assert (await talk([*pieces, b"0123456789"])).endswith(b"\r\n\r\n10")


async def test_a_body_has_no_part_in_the_limit(talk: Talk) -> None:
    size = 40 * MAX_HEAD
    head = HEAD + b"content-length: %d\r\n\r\n" % size
    request = head + b"x" * size
    received = await talk([request, request], answers=2)
    assert received.count(b"200 OK") == 2
    assert received.count(b"%d" % size) == 2


async def test_a_head_after_another_request_is_bounded_too(talk: Talk) -> None:
    """FAILURES S15."""
    first = HEAD + b"content-length: 10\r\n\r\n0123456789"
    received = await talk([first, HEAD + b"x-filler: ", *[b"a" * 8192] * (MAX_HEAD // 8192 + 40)], answers=2)
    assert received.count(b"200 OK") <= 1


async def test_a_connection_that_was_just_made_is_answered_by_a_server_that_stops() -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(echo, http=BoundedProtocol, lifespan="off", log_config=None, timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.005)
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        while not server.server_state.connections:
            await asyncio.sleep(0.005)
        (connection,) = server.server_state.connections
        connection.shutdown()
        writer.write(HEAD + b"content-length: 2\r\n\r\nok")
        assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 200 ")
        server.should_exit = True
        await serving
        writer.close()
