"""HTTP to providers, against real sockets that answer byte by byte as they are told."""

import asyncio
import contextlib
import gzip
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from penstock.core.errors import DeadlineExceeded, InvalidInput, UpstreamError
from penstock.gateway import connections
from penstock.gateway.connections import HIGH_WATER, KEEPALIVE_SECONDS, MAX_HEAD, locate
from penstock.gateway.transport import HttpTransport
from penstock.providers.types import Target, UpstreamRequest
from penstock.wire.snapshot import GatewaySettings, ProviderEntry, Timeouts

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Provider:
    """A server whose connections each run one script; it counts them and keeps what they were sent."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self.left = asyncio.Event()
        self.url = ""
        self.script: Answer = self.answer(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    def answer(self, data: bytes, *, close: bool = False) -> Answer:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await self.read(reader):
                writer.write(data)
                await writer.drain()
                if close:
                    return

        return script

    async def read(self, reader: asyncio.StreamReader) -> bool:
        """One request; False at the end of the connection."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            self.requests.append(head + await reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            self.left.set()
            return False
        return True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError):
            await self.script(reader, writer)
        writer.close()


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    provider = Provider()
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    provider.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield provider
    server.close()
    await server.wait_closed()


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    transport = HttpTransport(GatewaySettings(upstream_connections=2))
    yield transport
    await transport.close()


def target(url: str, **timeouts: float) -> Target:
    entry = ProviderEntry(name="p", kind="openai", base_url=url, timeouts=Timeouts(**timeouts))
    return Target(provider=entry, model="m")


async def ask(transport: HttpTransport, url: str, body: bytes = b"{}", **headers: str) -> tuple[int, bytes]:
    request = UpstreamRequest(url=url, headers=headers, body=body)
    response = await transport.send(request, target(url))
    data = await response.read(10 * 1024 * 1024)
    response.release(reuse=True)
    return response.status, data


async def test_a_connection_is_used_again(provider: Provider, transport: HttpTransport) -> None:
    for _ in range(3):
        assert await ask(transport, provider.url) == (200, b"ok")
    assert provider.connections == 1


async def test_a_connection_whose_answer_was_not_read_is_closed(provider: Provider, transport: HttpTransport) -> None:
    """FAILURES G13."""
    response = await transport.send(UpstreamRequest(url=provider.url, headers={}, body=b""), target(provider.url))
    response.release(reuse=False)
    await asyncio.wait_for(provider.left.wait(), 5)
    await ask(transport, provider.url)
    assert provider.connections == 2


async def test_a_cancelled_request_closes_its_connection(provider: Provider, transport: HttpTransport) -> None:
    """FAILURES G13."""
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await provider.read(reader)
        asked.set()
        await provider.read(reader)

    provider.script = silent
    task = asyncio.create_task(ask(transport, provider.url))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(provider.left.wait(), 5)


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
async def test_a_chunked_body_arrives_whole_however_it_is_cut(
    provider: Provider, transport: HttpTransport, size: int
) -> None:
    payload = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (b"one ", b"two ", b"three")) + b"0\r\n\r\n"
    data = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + payload

    async def in_pieces(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await provider.read(reader)
        for start in range(0, len(data), size):
            writer.write(data[start : start + size])
            await writer.drain()
        await provider.read(reader)

    provider.script = in_pieces
    assert await ask(transport, provider.url) == (200, b"one two three")


async def test_a_body_that_ends_with_its_connection_is_whole(provider: Provider, transport: HttpTransport) -> None:
    provider.script = provider.answer(b"HTTP/1.1 200 OK\r\n\r\nall of it", close=True)
    assert await ask(transport, provider.url) == (200, b"all of it")
    assert await ask(transport, provider.url) == (200, b"all of it")
    assert provider.connections == 2


async def test_a_body_that_is_cut_is_an_error(provider: Provider, transport: HttpTransport) -> None:
    """FAILURES G14."""
    provider.script = provider.answer(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", close=True)
    with pytest.raises(UpstreamError) as raised:
        await ask(transport, provider.url)
    assert raised.value.code == "upstream_cut"


async def test_a_connection_closed_without_an_answer_is_an_error(provider: Provider, transport: HttpTransport) -> None:
    provider.script = provider.answer(b"", close=True)
    with pytest.raises(UpstreamError) as raised:
        await ask(transport, provider.url)
    assert raised.value.code == "upstream_reset"


async def test_what_is_not_http_is_an_error(provider: Provider, transport: HttpTransport) -> None:
    provider.script = provider.answer(b"SSH-2.0-OpenSSH_9.2\r\n")
    with pytest.raises(UpstreamError) as raised:
        await ask(transport, provider.url)
    assert raised.value.code == "upstream_malformed"


async def test_a_head_without_end_is_refused(provider: Provider, transport: HttpTransport) -> None:
    """FAILURES S15."""
    lines = b"".join(b"x-%d: %s\r\n" % (number, b"a" * 1000) for number in range(MAX_HEAD // 1000 + 2))
    provider.script = provider.answer(b"HTTP/1.1 200 OK\r\n" + lines)
    with pytest.raises(UpstreamError) as raised:
        await ask(transport, provider.url)
    assert raised.value.code == "upstream_malformed"


async def test_bytes_that_nobody_asked_for_close_the_connection(provider: Provider, transport: HttpTransport) -> None:
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
    provider.script = provider.answer(whole + whole)
    assert await ask(transport, provider.url) == (200, b"ok")
    await ask(transport, provider.url)
    assert provider.connections == 2


async def test_interim_answers_are_passed_over(provider: Provider, transport: HttpTransport) -> None:
    provider.script = provider.answer(
        b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok"
    )
    assert await ask(transport, provider.url) == (201, b"ok")


async def test_a_compressed_answer_is_read_though_none_was_asked_for(
    provider: Provider, transport: HttpTransport
) -> None:
    body = gzip.compress(b"hello " * 1000)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body)
    provider.script = provider.answer(head + body)
    assert await ask(transport, provider.url) == (200, b"hello " * 1000)


async def test_a_wrongly_compressed_answer_is_an_error(provider: Provider, transport: HttpTransport) -> None:
    provider.script = provider.answer(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope")
    with pytest.raises(UpstreamError) as raised:
        await ask(transport, provider.url)
    assert raised.value.code == "upstream_malformed"


async def test_requests_over_the_limit_wait_for_a_connection(provider: Provider, transport: HttpTransport) -> None:
    gate = asyncio.Event()

    async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await provider.read(reader):
            await gate.wait()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    provider.script = held
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(ask(transport, provider.url)) for _ in range(6)]
        while len(provider.requests) < 2:
            await asyncio.sleep(0)
        gate.set()
    assert [task.result() for task in asked] == [(200, b"ok")] * 6
    assert provider.connections == 2


async def test_one_that_stops_waiting_for_a_connection_blocks_nobody(
    provider: Provider, transport: HttpTransport
) -> None:
    gate = asyncio.Event()

    async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await provider.read(reader):
            await gate.wait()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    provider.script = held
    first = [asyncio.create_task(ask(transport, provider.url)) for _ in range(2)]
    while len(provider.requests) < 2:
        await asyncio.sleep(0)
    impatient = asyncio.create_task(ask(transport, provider.url))
    patient = asyncio.create_task(ask(transport, provider.url))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    impatient.cancel()
    gate.set()
    await asyncio.gather(*first)
    assert await asyncio.wait_for(patient, 5) == (200, b"ok")


async def test_a_provider_faster_than_its_caller_is_made_to_wait(provider: Provider, transport: HttpTransport) -> None:
    """FAILURES G9."""
    size = 40 * HIGH_WATER
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await provider.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        while sent < size:
            writer.write(b"x" * 65536)
            sent += 65536
            await writer.drain()

    provider.script = flood
    response = await transport.send(UpstreamRequest(url=provider.url, headers={}, body=b""), target(provider.url))
    while not response._connection._paused:
        await asyncio.sleep(0)
    held = response._connection._size
    received = 0
    while data := await response.chunk():
        received += len(data)
    response.release(reuse=True)
    assert received == size
    assert held < 3 * HIGH_WATER


async def test_an_idle_connection_is_closed_after_a_while(
    provider: Provider, transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(transport, provider.url)
    transport.tick()
    assert not provider.left.is_set()
    loop = asyncio.get_running_loop()
    now = loop.time()
    monkeypatch.setattr(loop, "time", lambda: now + KEEPALIVE_SECONDS + 1)
    transport.tick()
    monkeypatch.undo()
    await asyncio.wait_for(provider.left.wait(), 5)


async def test_a_refused_connection_names_the_provider_and_its_address(transport: HttpTransport) -> None:
    with pytest.raises(UpstreamError, match=r"provider p cannot be reached at http://127.0.0.1:1") as raised:
        await ask(transport, "http://127.0.0.1:1")
    assert raised.value.code == "upstream_unreachable"
    assert raised.value.retryable


async def test_a_connection_that_is_not_accepted_runs_into_the_connect_timer(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAILURES G17."""

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(transport._pool, "take", never)
    url = "http://127.0.0.1:1"
    with pytest.raises(DeadlineExceeded) as raised:
        await transport.send(UpstreamRequest(url=url, headers={}, body=b""), target(url, connect=0.01))
    assert raised.value.timer == "connect"


async def test_an_untrusted_certificate_is_refused(transport: HttpTransport, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    provider = Provider()
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with pytest.raises(UpstreamError, match="certificate is not trusted"):
        await ask(transport, url)
    server.close()


async def test_a_trusted_certificate_is_accepted(
    transport: HttpTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = self_signed(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(connections, "_tls", lambda: trusting)
    provider = Provider()
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    assert await ask(transport, url) == (200, b"ok")
    server.close()


async def test_the_request_is_sent_as_it_should_be(provider: Provider, transport: HttpTransport) -> None:
    await ask(transport, f"{provider.url}/v1/chat?api-version=1", b'{"a":1}', authorization="Bearer s")
    head, _, body = provider.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /v1/chat?api-version=1 HTTP/1.1"
    assert f"host: {provider.url.removeprefix('http://')}" in lines
    assert "authorization: Bearer s" in lines
    assert "content-length: 7" in lines
    assert body == b'{"a":1}'


async def test_a_large_body_is_sent_whole(provider: Provider, transport: HttpTransport) -> None:
    """FAILURES G25."""
    body = b"x" * (3 * HIGH_WATER)
    await ask(transport, provider.url, body)
    assert provider.requests[0].endswith(body)


async def test_a_header_that_would_break_the_framing_is_refused(transport: HttpTransport) -> None:
    with pytest.raises(InvalidInput, match="line break"):
        await ask(transport, "http://127.0.0.1:1", evil="a\r\nx-injected: 1")


@pytest.mark.parametrize("url", ["ftp://host/x", "http:///x", "file:///etc/passwd"])
def test_only_http_addresses_with_a_host_are_taken(url: str) -> None:
    with pytest.raises(InvalidInput, match="http or https"):
        locate(url)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths
