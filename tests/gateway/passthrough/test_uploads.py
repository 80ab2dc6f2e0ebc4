"""Requests whose body streams, against real sockets that read and answer as they are told."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from datetime import UTC, datetime

import httptools
import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from penstock.core.errors import InvalidInput, UpstreamError
from penstock.gateway import connections
from penstock.gateway.connections import Pool, locate
from penstock.gateway.passthrough.address import StreamedRequest
from penstock.gateway.uploads import Uploads, upload_head
from penstock.providers.types import Target
from penstock.wire.snapshot import ProviderEntry

TARGET = Target(provider=ProviderEntry(name="p", kind="openai", base_url="http://p"), model="")
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig"


class Received:
    """Reads one request as a server would; knows nothing of the code under test."""

    def __init__(self):
        self.headers = {}
        self.body = bytearray()
        self.whole = False
        self.parser = httptools.HttpRequestParser(self)

    def on_header(self, name, value):
        self.headers[name.decode().lower()] = value.decode()

    def on_body(self, data):
        self.body += data

    def on_message_complete(self):
        self.whole = True


class Server:
    def __init__(self):
        self.received = []
        self.left = asyncio.Event()
        self.script = self.take_all
        self.connections = 0
        self.serving = 0
        self.writers = []

    async def serve(self, reader, writer):
        self.connections += 1
        self.serving += 1
        self.writers.append(writer)
        with contextlib.suppress(ConnectionError):
            while not (reader.at_eof() or writer.is_closing()):
                await self.script(reader, writer)
        self.left.set()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        self.serving -= 1

    async def take(self, reader, *, enough=lambda received: received.whole):
        received = Received()
        while not enough(received):
            data = await reader.read(65536)
            if not data:
                return None
            received.parser.feed_data(data)
        self.received.append(received)
        return received

    async def take_all(self, reader, writer):
        if await self.take(reader):
            writer.write(OK)
            await writer.drain()


@contextlib.asynccontextmanager
async def listening(context=None):
    server = Server()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, limit=2**16, ssl=context)
    server.url = f"{'https' if context else 'http'}://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1/files"
    pool = Pool(2)

    async def connect(origin, target):
        return await pool.take(origin)

    server.uploads = Uploads(pool, connect)
    yield server
    await pool.close()
    listener.close()
    for writer in server.writers:
        writer.transport.abort()
    while server.serving:
        await asyncio.sleep(0)
    await listener.wait_closed()


@pytest.fixture
async def server():
    async with listening() as server:
        yield server


async def pieces(*parts):
    for part in parts:
        yield part


def request(server, body, length=None, method="POST", **headers):
    return StreamedRequest(method=method, url=server.url, headers=headers, body=body, length=length)


async def send(server, body, length=None, **more):
    async with server.uploads.send(request(server, body, length, **more), TARGET) as answer:
        parts = []
        while data := await answer.chunk():
            parts.append(data)
        return answer.status, b"".join(parts)


@pytest.mark.parametrize("length", [None, 11])
async def test_a_body_arrives_whole_in_chunks_or_by_its_length(server, length):
    assert await send(server, pieces(b"hello", b"", b" ", b"world"), length) == (200, b"ok")
    (received,) = server.received
    assert bytes(received.body) == b"hello world"
    assert received.headers.get("content-length") == (str(length) if length else None)
    assert received.headers.get("transfer-encoding") == (None if length else "chunked")


async def test_a_connection_is_used_again_after_a_clean_exchange(server):
    for _ in range(3):
        await send(server, pieces(b"x"))
    await send(server, pieces(), 0, method="GET")
    assert server.connections == 1
    assert "content-length" not in server.received[-1].headers


async def test_the_caller_is_read_no_faster_than_the_provider_takes(server):
    """FAILURES G9: a provider that does not read holds its caller up, and no memory fills."""
    go_on = asyncio.Event()

    async def slow(reader, writer):
        await go_on.wait()
        await server.take_all(reader, writer)

    server.script = slow
    asked = 0
    quiet = asyncio.Event()

    async def endless():
        nonlocal asked
        for _ in range(2000):
            asked += 1
            quiet.set()
            yield b"x" * 65536

    sending = asyncio.create_task(send(server, endless()))
    while quiet.is_set() or not asked:
        quiet.clear()
        # Until nothing more was asked for in many turns of the loop.
        for _ in range(200):
            await asyncio.sleep(0)
    assert asked < 500
    go_on.set()
    assert await sending == (200, b"ok")
    assert len(server.received[0].body) == 2000 * 65536


async def test_a_refusal_before_the_end_stops_the_sending(server):
    closed = asyncio.Event()

    async def refuse(reader, writer):
        await server.take(reader, enough=lambda received: len(received.body) >= 10)
        writer.write(TOO_LARGE)
        await reader.read()

    async def endless():
        try:
            while True:
                yield b"0123456789"
                await asyncio.sleep(0)
        finally:
            closed.set()

    server.script = refuse
    assert await send(server, endless()) == (413, b"big")
    assert closed.is_set()
    await asyncio.wait_for(server.left.wait(), 5)
    server.script = server.take_all
    await send(server, pieces(b"x"))
    assert server.connections == 2


async def test_a_refusal_reaches_a_caller_who_has_stopped_sending(server):
    async def refuse(reader, writer):
        await server.take(reader, enough=lambda received: received.body)
        writer.write(TOO_LARGE)
        await reader.read()

    async def stuck():
        yield b"first"
        await asyncio.Event().wait()

    server.script = refuse
    assert await asyncio.wait_for(send(server, stuck()), 5) == (413, b"big")


async def test_an_answer_that_begins_early_is_passed_on_while_the_rest_is_sent(server):
    begun = asyncio.Event()

    async def echo(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nearly\r\n")
        if await server.take(reader):
            writer.write(b"4\r\nlate\r\n0\r\n\r\n")

    async def waiting():
        yield b"one"
        await begun.wait()
        yield b"two"

    server.script = echo
    async with server.uploads.send(request(server, waiting()), TARGET) as answer:
        assert await answer.chunk() == b"early"
        assert not answer.sent
        begun.set()
        assert await answer.chunk() == b"late"
        assert await answer.chunk() == b""
    assert bytes(server.received[0].body) == b"onetwo"


async def test_cancelling_closes_the_connection_and_the_source(server):
    """FAILURES G13."""
    closed = asyncio.Event()
    started = asyncio.Event()

    async def stuck():
        try:
            yield b"first"
            started.set()
            await asyncio.Event().wait()
        finally:
            closed.set()

    task = asyncio.create_task(send(server, stuck()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed.is_set()
    await asyncio.wait_for(server.left.wait(), 5)


async def test_leaving_before_the_answer_was_read_closes_the_connection(server):
    """FAILURES G13."""

    async def half(reader, writer):
        if await server.take(reader):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")

    server.script = half
    async with server.uploads.send(request(server, pieces(b"x")), TARGET) as answer:
        assert answer.status == 200
    await asyncio.wait_for(server.left.wait(), 5)


@pytest.mark.parametrize(("length", "parts"), [(5, (b"four",)), (3, (b"four",)), (3, (b"tw", b"o!"))])
async def test_a_body_of_another_length_than_it_said_is_an_error(server, length, parts):
    """FAILURES S15: nothing of it can be taken for another request."""
    with pytest.raises(InvalidInput) as raised:
        await send(server, pieces(*parts), length)
    assert raised.value.code == "malformed_request"
    await asyncio.wait_for(server.left.wait(), 5)
    assert server.received == []


async def test_an_error_of_the_source_is_told_in_place_of_what_the_provider_makes_of_it(server):
    async def leaving():
        yield b"some"
        raise InvalidInput("The caller went away.", code="client_disconnected")

    with pytest.raises(InvalidInput) as raised:
        await send(server, leaving())
    assert raised.value.code == "client_disconnected"
    await asyncio.wait_for(server.left.wait(), 5)
    assert server.received == []


async def test_an_error_of_the_source_is_told_in_the_middle_of_an_answer_too(server):
    begun = asyncio.Event()

    async def early(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nearly\r\n")
        await reader.read()

    async def leaving():
        yield b"some"
        await begun.wait()
        raise InvalidInput("The caller went away.", code="client_disconnected")

    async def exchange():
        async with server.uploads.send(request(server, leaving()), TARGET) as answer:
            assert await answer.chunk() == b"early"
            begun.set()
            await answer.chunk()

    server.script = early
    with pytest.raises(InvalidInput):
        await exchange()


async def test_a_defect_of_the_source_is_not_waited_for(server):
    async def broken():
        yield b"some"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(send(server, broken()), 5)


@pytest.mark.parametrize("after", [0, 5])
async def test_a_connection_lost_while_sending_is_the_providers_error(server, after):
    async def reset(reader, writer):
        await server.take(reader, enough=lambda received: len(received.body) >= after)
        writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    async def endless():
        while True:
            yield b"x" * 65536

    server.script = reset
    with pytest.raises(UpstreamError) as raised:
        await asyncio.wait_for(send(server, endless()), 10)
    assert raised.value.code == "upstream_reset"


async def test_progress_is_told_part_by_part_and_at_the_end(server):
    told = []
    async with server.uploads.send(request(server, pieces(b"a", b"b")), TARGET, progress=told.append) as answer:
        while await answer.chunk():
            pass
    assert told == [False, False, True]
    told.clear()
    async with server.uploads.send(request(server, pieces(), 0), TARGET, progress=told.append):
        pass
    assert told == [True]


@pytest.mark.parametrize("headers", [{"a": "b\r\nc: d"}, {"a\n": "b"}, {"a": "\0"}, {"a": "\u20ac"}])
def test_a_header_cannot_break_the_framing(headers):
    with pytest.raises(InvalidInput):
        upload_head("POST", locate("http://p/v1"), headers, length=None)


@pytest.mark.parametrize(
    ("method", "length", "framing"),
    [("GET", 0, ""), ("DELETE", 0, ""), ("POST", 0, "content-length: 0"), ("POST", None, "transfer-encoding: chunked")],
)
def test_a_body_is_framed_as_its_length_says(method, length, framing):
    head = upload_head(method, locate("http://p/v1?a=1"), {"x": "y"}, length=length).decode()
    lines = head.removesuffix("\r\n\r\n").split("\r\n")
    assert lines[:4] == [f"{method} /v1?a=1 HTTP/1.1", "host: p", "accept-encoding: identity", "x: y"]
    assert lines[4:] == ([framing] if framing else [])


@pytest.fixture
def certificate(tmp_path):
    """A certificate for 127.0.0.1 and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .add_extension(host, critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "both.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("run", [uvloop.run, asyncio.run])
def test_every_kind_of_transport_holds_the_caller_up(run, encrypted, certificate, monkeypatch):
    """FAILURES G9: those of the gateway's own event loop and of asyncio's, plain and with TLS."""
    context = None
    if encrypted:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        trusting = ssl.create_default_context(cafile=str(certificate))
        monkeypatch.setattr(connections, "_tls", lambda: trusting)

    async def upload():
        async with listening(context) as server:
            asked = 0
            seen = []

            async def endless():
                nonlocal asked
                for _ in range(400):
                    asked += 1
                    yield b"x" * 65536

            async def late(reader, writer):
                for _ in range(500):
                    await asyncio.sleep(0)
                seen.append(asked)
                await server.take_all(reader, writer)

            server.script = late
            answer = await send(server, endless())
            assert await send(server, pieces(b"again")) == answer
            assert server.connections == 1
            return answer, len(server.received[0].body), seen[0]

    answer, size, held_at = run(upload())
    assert (answer, size) == ((200, b"ok"), 400 * 65536)
    assert held_at < 400
