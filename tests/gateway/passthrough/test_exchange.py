"""A gateway of the pass-through's parts, between real SDKs and the simulator."""

import asyncio
import contextlib
import io
import json

import httpx
import msgspec
import openai
import pytest

from penstock.core.clock import SystemClock
from penstock.core.errors import NotFound, PenstockError, UpstreamError
from penstock.core.ids import RandomIds
from penstock.finops.pricing import Pricer
from penstock.gateway.call import Context
from penstock.gateway.connections import Pool
from penstock.gateway.http import header_lines, status_line
from penstock.gateway.inbound.listener import Listener
from penstock.gateway.passthrough.address import request_of
from penstock.gateway.passthrough.body import read_body
from penstock.gateway.passthrough.exchange import Relay, refusal, render_passthrough_error
from penstock.gateway.passthrough.paths import endpoint_of
from penstock.gateway.passthrough.record import Passage, settle_passage, span_of
from penstock.gateway.passthrough.resolve import PROVIDER_HEADER, resolve
from penstock.gateway.uploads import Uploads
from penstock.providers.types import Target
from penstock.simulator import Simulator, SimulatorConfig, running
from penstock.wire.snapshot import GatewaySettings, KeyEntry, PriceEntry, ProviderEntry

KEY = KeyEntry(id="key", name="app", project="project")
PRICES = (
    PriceEntry(provider="*", model="gpt-image-1", input=5_000_000_000, output=40_000_000_000),
    PriceEntry(provider="*", model="rerank-*", input=2_000_000_000, output=0),
    PriceEntry(provider="*", model="gemini-*", input=1_000_000_000, output=3_000_000_000),
)


class Bench:
    """The parts, bound in the order that a pipeline has them."""

    def __init__(self, providers):
        self.providers = {entry.name: entry for entry in providers}
        self.settings = GatewaySettings(max_recorded=100_000)
        self.clock = SystemClock()
        self.ids = RandomIds(self.clock)
        self.pool = Pool(20)
        self.spans = []
        self.recorded = asyncio.Event()
        self.error = None

        async def connect(origin, target):
            return await self.pool.take(origin)

        self.uploads = Uploads(self.pool, connect)

    def named(self, model, key):
        provider, _, rest = model.partition("/")
        if provider not in self.providers or not rest:
            raise NotFound("unknown", code="model_not_found")
        return (self.at(self.providers[provider], rest),)

    def at(self, provider, model):
        return Target(provider=provider, model=model, secret="own-secret")

    async def __call__(self, request):
        started = self.clock.now()
        endpoint = endpoint_of(
            request.method,
            request.raw_path,
            request.query,
            providers=self.providers,
            anthropic=b"anthropic-version" in request.headers,
        )
        passage = Passage(endpoint=endpoint)
        status, last = 0, b""
        out = Out(request)
        try:
            last = await self.pass_on(passage, request, out)
            status = passage.relay.status
        except PenstockError as error:
            passage.error, passage.status = error, "error"
            status, last = render_passthrough_error(endpoint.dialect, error, request_id="t")
        settle_passage(passage, Pricer(PRICES), at=started)
        span = span_of(
            passage,
            key=KEY,
            context=Context(user="me"),
            ids=(self.ids.trace_id(), self.ids.span_id()),
            time=(started, self.clock.now() - started),
            http_status=status,
            settings=self.settings,
            salt=b"salt",
        )
        self.spans.append(span)
        self.recorded.set()
        if out.opened and passage.error is not None:
            request.abort()
        elif out.opened:
            request.end(last)
        else:
            request.respond(status_line(status) + b"content-type: application/json\r\n", last)

    async def pass_on(self, passage, request, out):
        body = passage.body = await read_body(
            request, max_json=self.settings.max_body, max_upload=self.settings.max_upload
        )
        resolved = passage.resolved = resolve(
            passage.endpoint, body, named=request.header(PROVIDER_HEADER), targets=self, key=KEY
        )
        upstream = request_of(
            passage.endpoint, resolved.target, headers=request.headers, body=body.parts(), length=body.length
        )
        passage.sent = True
        async with self.uploads.send(upstream, resolved.target) as answer:
            passage.relay = Relay(answer, passage.endpoint, resolved.target, keep=self.settings.max_recorded)
            if error := refusal(answer):
                raise error
            return await passage.relay.run(out)

    @property
    def span(self):
        return self.spans[-1]

    @property
    def attributes(self):
        return json.loads(bytes(self.span.attributes))


class Out:
    def __init__(self, request):
        self.request = request
        self.opened = False
        self.written = 0

    def open(self, status, headers, *, length):
        self.opened = True
        self.request.open(status_line(status) + header_lines(headers), length=length)

    async def write(self, data):
        self.written += len(data)
        await self.request.write(data)


@contextlib.asynccontextmanager
async def serving(*providers):
    bench = Bench(providers)
    listener = Listener(bench)
    server = await asyncio.get_running_loop().create_server(listener.connection, "127.0.0.1", 0)
    bench.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield bench
    finally:
        server.close()
        listener.drain()
        await listener.drained(1)
        await bench.pool.close()


@pytest.fixture
async def simulated():
    """The simulator, which lets in only who has the provider's own key."""
    simulator = Simulator(SimulatorConfig(api_keys=("own-secret",)))
    async with running(simulator) as url:
        simulator.url = url
        yield simulator


@pytest.fixture
async def bench(simulated):
    url = simulated.url
    async with serving(
        ProviderEntry(name="sim", kind="openai", base_url=f"{url}/v1"),
        ProviderEntry(name="claude", kind="anthropic", base_url=f"{url}/anthropic/v1"),
        ProviderEntry(name="google", kind="gemini", base_url=f"{url}/v1beta"),
        ProviderEntry(name="east", kind="azure", base_url=url),
    ) as bench:
        yield bench


@pytest.fixture
async def client(bench):
    async with openai.AsyncOpenAI(base_url=f"{bench.url}/v1", api_key="psk_callers", max_retries=0) as client:
        yield client


async def test_images_are_passed_on_metered_and_recorded(bench, client):
    answer = await client.images.generate(model="sim/gpt-image-1", prompt="A dam", size="8x8", quality="low")
    assert answer.usage.output_tokens == 272
    span = bench.span
    assert (span.operation, span.name, span.kind) == ("passthrough", "POST /v1/images/generations", "llm")
    assert (span.provider, span.variant, span.requested_model) == ("sim", "sim/gpt-image-1", "sim/gpt-image-1")
    assert (span.usage_output_image, span.usage_input) == (272, answer.usage.input_tokens)
    assert span.cost == answer.usage.input_tokens * 5000 + 272 * 40_000
    assert json.loads(bytes(span.input))[0]["parts"][0]["content"]["model"] == "gpt-image-1"
    assert json.loads(bytes(span.output))[0]["parts"][0]["content"]["usage"]["output_tokens"] == 272
    assert span.user not in (None, "me")
    assert span.http_status == 200


async def test_a_stream_of_pictures_is_metered(bench, client):
    """FAILURES G1."""
    stream = await client.images.generate(
        model="gpt-image-1", prompt="A dam", size="8x8", stream=True, partial_images=2
    )
    assert [event.type.rpartition(".")[2] async for event in stream] == ["partial_image"] * 2 + ["completed"]
    await bench.recorded.wait()
    assert (bench.span.usage_output_image, bench.span.stream) == (1056, True)
    assert bench.span.cost > 0
    assert bench.span.output is None


async def test_a_large_picture_is_passed_on_and_not_recorded(bench, client):
    answer = await client.images.edit(
        model="gpt-image-1", prompt="x", image=("a.png", io.BytesIO(bytes(range(256)) * 4000)), size="512x512", n=10
    )
    assert len(answer.data) == 10
    assert bench.span.usage_output_image == 10_560
    assert bench.span.input is None
    assert bench.attributes["http.request.body.size"] > 1_024_000
    assert bench.attributes["http.request.header.content-type"].startswith("multipart/form-data")


async def test_sound_comes_back_byte_for_byte_at_an_unknown_cost(bench, client, simulated):
    """FAILURES G26."""
    answer = await client.audio.speech.create(model="sim/gpt-4o-mini-tts", voice="alloy", input="Open. " * 300)
    direct = openai.AsyncOpenAI(base_url=f"{simulated.url}/v1", api_key="own-secret")
    async with direct:
        same = await direct.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="Open. " * 300)
    assert answer.content == same.content
    assert (bench.span.cost, bench.span.output) == (None, None)
    assert bench.attributes["http.response.body.size"] == len(same.content)
    assert bench.attributes["http.response.header.content-type"] == "audio/mpeg"


async def test_a_transcription_keeps_its_seconds(bench, client):
    answer = await client.audio.transcriptions.create(model="sim/whisper-1", file=("a.mp3", bytes(160_000)))
    assert answer.usage.seconds == 10
    assert (bench.span.cost, bench.span.usage_input) == (None, 0)
    assert bench.attributes["penstock.usage.seconds"] == 10
    assert json.loads(bytes(bench.span.usage_raw))["type"] == "duration"


async def test_files_and_batches_work_and_reading_is_free(bench, client):
    data = json.dumps({"custom_id": "a", "body": {"model": "text-embedding-3-small", "input": "x"}}).encode()
    file = await client.files.create(file=("in.jsonl", data), purpose="batch")
    assert (bench.span.kind, bench.span.cost, bench.span.name) == ("tool", 0, "POST /v1/files")
    assert (await client.files.content(file.id)).content == data
    assert (bench.span.cost, bench.span.name) == (0, "GET /v1/files/{id}/content")
    assert bench.attributes["url.path"] == f"/files/{file.id}/content"
    batch = await client.batches.create(input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h")
    assert bench.span.cost is None
    assert (await client.batches.retrieve(batch.id)).status == "completed"
    assert bench.span.cost == 0
    assert (await client.files.delete(file.id)).deleted


async def test_rerank_and_moderation(bench):
    async with httpx.AsyncClient(base_url=bench.url) as client:
        asked = {"model": "rerank-v3.5", "query": "dam", "documents": ["a dam", "cake"]}
        answer = (await client.post("/v1/rerank", json=asked)).json()
        assert bench.span.kind == "reranker"
        assert bench.span.cost == answer["usage"]["total_tokens"] * 2000
        await client.post("/v1/moderations", json={"input": "x", "model": "omni-moderation-latest"})
        assert bench.span.cost == 0


async def test_native_paths_of_every_vendor(bench):
    async with httpx.AsyncClient(base_url=bench.url) as client:
        asked = {"contents": [{"parts": [{"text": "Hi"}]}]}
        answer = await client.post(
            "/gemini/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse&key=psk_callers", json=asked
        )
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert bench.span.name == "POST /v1beta/models/{model}:streamGenerateContent"
        assert (bench.span.usage_output > 0, bench.span.cost > 0) == (True, True)
        await client.post("/v1beta/models/gemini-2.5-flash:countTokens", json=asked)
        assert bench.span.cost == 0
        message = {"model": "claude-x", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
        await client.post("/anthropic/v1/messages", json=message)
        assert (bench.span.provider, bench.span.cost) == ("claude", None)
        assert bench.span.usage_output > 0
        picture = await client.post("/azure/openai/deployments/gpt-image-1/images/generations", json={"prompt": "x"})
        assert picture.status_code == 200
        assert (bench.span.provider, bench.span.requested_model) == ("east", "gpt-image-1")
        await client.post("/gemini/v1beta/models/gemini-embedding-001:embedContent", json={"content": {"parts": []}})
        assert bench.span.kind == "embedding"


async def test_the_providers_refusal_is_passed_on_as_it_is_and_costs_nothing(bench):
    async with httpx.AsyncClient(base_url=bench.url) as client:
        answer = await client.post("/v1/images/generations", json={"prompt": "x", "n": 99})
    assert answer.status_code == 400
    assert "between 1 and 10" in answer.json()["error"]["message"]
    assert (bench.span.http_status, bench.span.cost, bench.span.status) == (400, 0, "ok")


@pytest.mark.parametrize(
    ("path", "shape"),
    [("/openai/v1/files", "openai"), ("/anthropic/v1/models", "anthropic"), ("/gemini/v1beta/models", "gemini")],
)
async def test_a_refusal_of_penstocks_own_key_is_an_error_in_the_callers_dialect(bench, monkeypatch, path, shape):
    monkeypatch.setattr(bench, "at", lambda provider, model: Target(provider=provider, model=model, secret="wrong"))
    async with httpx.AsyncClient(base_url=bench.url) as client:
        answer = await client.get(path)
    assert answer.status_code == 502
    error = answer.json()["error"]
    assert "own credentials" in error["message"]
    assert answer.json().get("type") == ("error" if shape == "anthropic" else None)
    assert (error.get("status") == "INTERNAL") is (shape == "gemini")
    assert (bench.span.status, bench.span.error_type) == ("error", "upstream_auth_failed")


async def cut_off(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 100\r\n\r\nhalf")
    await writer.drain()
    writer.close()


async def test_an_answer_that_is_cut_does_not_look_whole(bench):
    """FAILURES G14."""
    server = await asyncio.start_server(cut_off, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    bench.providers["cut"] = ProviderEntry(name="cut", kind="openai", base_url=url)
    async with httpx.AsyncClient(base_url=bench.url) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/cut/v1/audio/x")
    assert (bench.span.status, bench.span.error_type) == ("error", "upstream_cut")
    server.close()


class Answer:
    """An answer in pieces."""

    def __init__(self, *pieces, status=200, **headers):
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pieces = list(pieces)

    async def chunk(self):
        return self.pieces.pop(0) if self.pieces else b""


class Sink:
    def __init__(self):
        self.opened = None
        self.written = []

    def open(self, status, headers, *, length):
        self.opened = (status, headers, length)

    async def write(self, data):
        self.written.append(data)


ENTRY = ProviderEntry(name="p", kind="openai", base_url="http://p/v1")


def relay_of(answer, **more):
    endpoint = endpoint_of("POST", b"/v1/audio/speech", b"", providers={})
    return Relay(answer, endpoint, Target(provider=ENTRY, model=""), **more)


async def test_the_last_bytes_wait_until_the_call_is_recorded():
    """FAILURES G8."""
    sink = Sink()
    assert await relay_of(Answer(b"ab", b"cd", content_length="4")).run(sink) == b"cd"
    assert (sink.opened, sink.written) == ((200, [], 4), [b"ab"])
    sink = Sink()
    assert await relay_of(Answer(b"ab", b"cd")).run(sink) == b""
    assert (sink.opened, sink.written) == ((200, [], None), [b"ab", b"cd"])


@pytest.mark.parametrize(
    ("answer", "length"),
    [
        (Answer(status=204), 0),
        (Answer(b"inflated", content_encoding="gzip", content_length="3"), None),
        (Answer(content_length="0"), 0),
    ],
)
async def test_the_length_is_told_where_it_holds(answer, length):
    sink = Sink()
    await relay_of(answer).run(sink)
    assert sink.opened[2] == length


async def test_only_small_json_is_kept():
    for kept, answer in (
        (b"{}", Answer(b"{", b"}", content_type="application/problem+json")),
        (None, Answer(b"12345678901", content_type="application/json")),
        (None, Answer(b"{}", content_type="text/plain")),
        (None, Answer(content_type="application/json")),
    ):
        told = []
        relay = relay_of(answer, keep=10, progress=lambda told=told: told.append(1))
        await relay.run(Sink())
        assert relay.output == kept
        assert told


def passage(**more):
    return Passage(endpoint=endpoint_of("POST", b"/v1/audio/speech", b"", providers={}), **more)


def span(of, settings=None):
    return span_of(
        of,
        key=KEY,
        context=Context(),
        ids=("t", "s"),
        time=(1, 2),
        http_status=0,
        settings=settings or GatewaySettings(),
        salt=b"",
    )


def test_a_call_that_was_never_sent_costs_nothing_and_is_recorded():
    refused = passage(error=NotFound("No.", code="model_not_found"), status="error")
    settle_passage(refused, Pricer(), at=0)
    found = span(refused)
    assert (found.cost, found.kind, found.error_type, found.http_status) == (0, "tool", "model_not_found", None)


async def test_a_call_that_was_given_up_has_an_unknown_cost():
    """FAILURES G6."""
    bench = passage(sent=True, status="interrupted")
    bench.resolved = resolve_to("tts-1")
    settle_passage(bench, Pricer(), at=0)
    assert span(bench).cost is None


def resolve_to(model):
    from penstock.gateway.passthrough.types import Resolved  # noqa: PLC0415 - only here

    return Resolved(target=Target(provider=ENTRY, model=model))


@pytest.mark.parametrize(("named", "cost"), [("unpriced", 3000), ("", 3000), ("gemini-a", 3000)])
async def test_the_model_of_the_request_prices_a_call_else_that_of_the_answer(named, cost):
    answer = Answer(
        msgspec.json.encode({"model": "gemini-b", "usage": {"prompt_tokens": 3, "completion_tokens": 0}}),
        content_type="application/json",
    )
    call = passage(sent=True, relay=relay_of(answer))
    call.resolved = resolve_to(named)
    await call.relay.run(Sink())
    settle_passage(call, Pricer(PRICES), at=0)
    found = span(call)
    assert (found.cost, found.served_model, found.usage_input) == (cost, "gemini-b", 3)


@pytest.mark.parametrize(
    ("settings", "data"),
    [(GatewaySettings(record_content=False), b"{}"), (GatewaySettings(max_recorded=1), b"{}"), (None, b"{broken")],
)
async def test_content_that_is_not_kept_leaves_its_size(settings, data):
    call = passage(sent=True, relay=relay_of(Answer(data, content_type="application/json"), keep=100))
    call.resolved = resolve_to("")
    await call.relay.run(Sink())
    settle_passage(call, Pricer(), at=0)
    found = span(call, settings)
    assert found.output is None
    assert json.loads(bytes(found.attributes))["penstock.output.bytes_not_recorded"] == len(data)


def test_errors_in_geminis_shape_have_its_status():
    status, body = render_passthrough_error("gemini", UpstreamError("x", upstream_status=418), request_id="t")
    assert (status, json.loads(body)["error"]["status"]) == (502, "INTERNAL")
    assert json.loads(render_passthrough_error("gemini", NotFound("x"), request_id="t")[1])["error"] == {
        "code": 404,
        "message": "x",
        "status": "NOT_FOUND",
    }
