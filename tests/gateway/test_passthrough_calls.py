"""Whole calls to other endpoints of a provider: who may, what they borrow, how they end, and what is recorded."""

import asyncio
import contextlib
import json
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from gateway_harness import DONE, KEY, SECRET, USAGE, Gateway, Provider, completion, delta, listening, running
from penstock.core.errors import Unavailable
from penstock.wire.limits import Budget, LimitEntry
from penstock.wire.snapshot import KeyEntry, ProviderEntry, ProviderKey, Snapshot, Timeouts, hash_key

IMAGE = {"created": 1, "data": [{"b64_json": "AA"}], "usage": {"input_tokens": 10, "output_tokens": 20}}


class Shelf(Provider):
    """An upstream for every method and framing. It keeps heads, and of bodies the size and the first bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.sizes: list[int] = []
        self.reading = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.heads.append(head)
                self.reading.set()
                try:
                    await self._body(head.lower(), reader)
                except (ConnectionError, asyncio.IncompleteReadError):
                    self.left.set()
                    raise
                self.asked.set()
                await self.script(reader, writer)
                await writer.drain()
                if writer.is_closing():
                    break
        writer.close()

    async def _body(self, head: str, reader: asyncio.StreamReader) -> None:
        kept, size = b"", 0
        if "transfer-encoding: chunked" in head:
            while length := int(await reader.readuntil(b"\r\n"), 16):
                part = await reader.readexactly(length + 2)
                kept, size = (kept + part[:-2])[:10_000], size + length
            await reader.readuntil(b"\r\n")
        elif "content-length:" in head:
            left = int(head.split("content-length:")[1].split("\r\n", maxsplit=1)[0])
            while left:
                part = await reader.read(min(left, 65536))
                if not part:
                    raise asyncio.IncompleteReadError(b"", left)
                kept, size, left = (kept + part)[:10_000], size + len(part), left - len(part)
        self.bodies.append(kept)
        self.sizes.append(size)

    @property
    def head(self) -> str:
        return self.heads[-1]


@pytest.fixture
async def provider() -> AsyncIterator[Shelf]:
    async with listening(Shelf()) as provider:
        yield provider


def changed(snapshot: Snapshot, **provider: Any) -> dict[str, ProviderEntry]:
    """The providers, with fields of the first replaced."""
    return {**snapshot.providers, "p": msgspec.structs.replace(snapshot.providers["p"], **provider)}


def publish(gateway: Gateway, snapshot: Snapshot, **fields: Any) -> None:
    gateway.publish(msgspec.structs.replace(snapshot, version=snapshot.version + 1, **fields))


async def pictures(gateway: Gateway, **fields: Any) -> httpx.Response:
    return await gateway.client.post("/v1/images/generations", json={"model": "p/picture", "prompt": "A dam", **fields})


async def parts(count: int, size: int = 65536) -> AsyncIterator[bytes]:
    part = bytes(size)
    for _ in range(count):
        yield part


class TestPassing:
    async def test_a_call_is_sent_on_answered_and_recorded(self, gateway: Gateway, provider: Shelf) -> None:
        provider.script = provider.json(IMAGE, **{"x-request-id": "theirs", "x-ratelimit-limit-requests": "9"})
        answer = await pictures(gateway)
        assert answer.json() == IMAGE
        assert answer.headers["x-ratelimit-limit-requests"] == "9"
        span = await gateway.record()
        assert answer.headers["x-penstock-trace-id"] == answer.headers["x-request-id"] == span.trace_id
        assert provider.head.startswith("POST /v1/images/generations HTTP/1.1\r\n")
        assert f"authorization: Bearer {SECRET}" in provider.head
        assert KEY not in provider.head
        assert json.loads(provider.bodies[0])["model"] == "picture"
        assert (span.operation, span.name, span.kind) == ("passthrough", "POST /v1/images/generations", "llm")
        assert (span.provider, span.key, span.project, span.http_status) == ("p", "key", "project", 200)
        assert span.cost == 10 * 1000 + 20 * 2000
        assert (gateway.journal.begun[0].span_id, gateway.journal.begun[0].status) == (span.span_id, "interrupted")
        assert gateway.journal.begun[0].cost is None

    async def test_the_callers_trace_session_user_and_tags_are_the_records(
        self, gateway: Gateway, provider: Shelf
    ) -> None:
        provider.script = provider.json({"data": []})
        headers = {
            "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
            "x-penstock-session": "s",
            "x-penstock-user": "u",
            "x-penstock-tags": "team=search",
        }
        answer = await gateway.client.get("/v1/files", headers=headers)
        span = await gateway.record()
        assert answer.headers["x-penstock-trace-id"] == span.trace_id == "a" * 32
        assert (span.parent_id, span.session, span.tags) == ("b" * 16, "s", {"team": "search"})
        assert span.user not in (None, "u")
        assert (span.kind, span.cost, gateway.journal.begun) == ("tool", 0, [])

    async def test_an_upload_is_held_by_nobody(self, gateway: Gateway, provider: Shelf) -> None:
        """FAILURES G9, G25."""
        provider.script = provider.json({"id": "file-1"})
        tracemalloc.start()
        try:
            answer = await gateway.client.post(
                "/v1/files", content=parts(1600), headers={"content-type": "application/octet-stream"}
            )
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert answer.status_code == 200
        assert provider.sizes == [1600 * 65536]
        assert peak < 16 * 1024 * 1024
        assert b'"http.request.body.size":104857600' in bytes((await gateway.record()).attributes or b"")

    async def test_a_download_is_held_by_nobody(self, gateway: Gateway, provider: Shelf) -> None:
        async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: %d\r\n\r\n" % (800 * 65536))
            async for part in parts(800):
                writer.write(part)
                await writer.drain()

        provider.script = script
        size = 0
        tracemalloc.start()
        try:
            async with gateway.client.stream("GET", "/v1/files/file-abc123def/content") as answer:
                async for part in answer.aiter_raw():
                    size += len(part)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert size == 800 * 65536
        assert peak < 16 * 1024 * 1024

    async def test_the_last_bytes_wait_for_the_record(self, gateway: Gateway, provider: Shelf) -> None:
        """FAILURES G8."""
        provider.script = provider.json(IMAGE)
        seen: list[int] = []
        real = gateway.journal.record
        gateway.journal.record = lambda spans: (seen.append(len(answered)), real(spans))[1]  # type: ignore[method-assign]
        answered: list[httpx.Response] = []
        answered.append(await pictures(gateway))
        assert seen == [0]

    async def test_a_stream_of_events_is_passed_on_and_metered(self, gateway: Gateway, provider: Shelf) -> None:
        """FAILURES G1."""
        provider.script = provider.stream(delta("Hel"), delta("lo"), USAGE, DONE)
        asked = {"model": "p/m", "prompt": "Hi", "stream": True}
        answer = await gateway.client.post("/v1/completions", json=asked)
        assert answer.text.endswith(DONE.decode())
        span = await gateway.record()
        assert (span.usage_input, span.usage_output, span.stream) == (10, 5, True)


class TestNativePaths:
    @pytest.mark.parametrize("model", ["m", "p/m"])
    @pytest.mark.parametrize("path", ["/p/v1/chat/completions", "/openai/v1/chat/completions"])
    async def test_a_known_operation_is_served_as_such(
        self, gateway: Gateway, provider: Shelf, path: str, model: str
    ) -> None:
        provider.script = provider.json(completion("Hello."))
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}]}
        answer = await gateway.client.post(path, json=body)
        assert answer.json()["choices"][0]["message"]["content"] == "Hello."
        span = await gateway.record()
        assert (span.operation, span.provider, span.requested_model) == ("chat", "p", model)
        assert json.loads(provider.bodies[0])["model"] == "m"

    async def test_a_path_that_names_none_takes_the_model_as_ever(self, gateway: Gateway, provider: Shelf) -> None:
        provider.script = provider.json(completion("Hello."))
        body = {"model": "p/m", "messages": [{"role": "user", "content": "Hi"}]}
        assert (await gateway.client.post("/v1/chat/completions/", json=body)).status_code == 200
        assert (await gateway.record()).operation == "chat"

    async def test_the_models_of_one_provider_are_its_own(self, gateway: Gateway, provider: Shelf) -> None:
        provider.script = provider.json({"object": "list", "data": [{"id": "theirs"}]})
        assert (await gateway.client.get("/p/v1/models")).json()["data"] == [{"id": "theirs"}]
        assert (await gateway.client.get("/v1/models")).json()["data"][0]["id"] == "both"


class TestWhoMay:
    @pytest.mark.parametrize("path", ["/v1/files", "/p/v1/files", "/nowhere", "/", "/v1//x"])
    async def test_without_a_key_nothing_is_told(self, gateway: Gateway, provider: Shelf, path: str) -> None:
        """FAILURES S13, S18: not even which providers there are."""
        answer = await gateway.client.get(path, headers={"authorization": ""})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "missing_key")
        assert "/p/" not in answer.text
        assert provider.heads == gateway.journal.spans == []

    @pytest.mark.parametrize("header", ["x-api-key", "api-key", "x-goog-api-key", "authorization"])
    @pytest.mark.parametrize("scopes", [("gateway:call",), ("gateway:models",)])
    async def test_a_key_is_the_same_in_every_header(
        self, gateway: Gateway, snapshot: Snapshot, provider: Shelf, header: str, scopes: tuple[str, ...]
    ) -> None:
        """FAILURES S23, S40."""
        provider.script = provider.json({"data": []})
        keys = {hash_key("psk_k"): KeyEntry(id="k", name="k", project="project", scopes=scopes)}
        publish(gateway, snapshot, keys=keys)
        value = "Bearer psk_k" if header == "authorization" else "psk_k"
        async with httpx.AsyncClient(base_url=gateway.client.base_url, headers={header: value}) as client:
            answer = await client.get("/p/v1/files")
        assert answer.status_code == (200 if scopes == ("gateway:call",) else 403)
        assert len(provider.heads) == (answer.status_code == 200)

    async def test_a_key_for_some_models_may_not_use_files(
        self, gateway: Gateway, snapshot: Snapshot, provider: Shelf
    ) -> None:
        """FAILURES G4."""
        provider.script = provider.json(IMAGE)
        (hashed, key), *_ = snapshot.keys.items()
        publish(gateway, snapshot, keys={hashed: msgspec.structs.replace(key, models=("p/picture",))})
        assert (await pictures(gateway)).status_code == 200
        answer = await gateway.client.get("/v1/files")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "model_not_allowed")
        assert len(provider.heads) == 1

    async def test_what_is_kept_at_a_provider_can_be_closed(
        self, gateway: Gateway, snapshot: Snapshot, provider: Shelf
    ) -> None:
        provider.script = provider.json(IMAGE)
        publish(gateway, snapshot, providers=changed(snapshot, passthrough="calls"))
        assert (await pictures(gateway)).status_code == 200
        answer = await gateway.client.get("/p/v1/files")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "stored_not_allowed")
        assert "providers.p.passthrough" in answer.json()["error"]["message"]
        assert len(provider.heads) == 1

    async def test_a_path_of_nobody_is_not_found_and_a_crooked_one_refused(self, gateway: Gateway) -> None:
        """FAILURES G29."""
        for path, status, code in (
            ("/nowhere/v1/files", 404, "unknown_route"),
            ("/v1/a/%2e%2e/b", 400, "invalid_path"),
            ("/v1", 400, "invalid_path"),
        ):
            answer = await gateway.client.get(path)
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert gateway.journal.spans == []

    @pytest.mark.parametrize("method", ["OPTIONS", "HEAD", "TRACE"])
    async def test_methods_of_no_api_are_refused(self, gateway: Gateway, method: str) -> None:
        answer = await gateway.client.request(method, "/v1/files")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "DELETE, GET, PATCH, POST, PUT"

    @pytest.mark.parametrize(
        ("headers", "shape"),
        [({"anthropic-version": "1"}, "anthropic"), ({"x-goog-api-key": "none"}, "gemini"), ({}, "openai")],
    )
    async def test_errors_are_the_callers_dialects(self, gateway: Gateway, headers: dict[str, str], shape: str) -> None:
        answer = await gateway.client.get("/v1/files", headers={"authorization": "Bearer none", **headers})
        assert answer.status_code == 401
        content = answer.json()
        assert content.get("type") == ("error" if shape == "anthropic" else None)
        assert content["error"].get("status") == ("UNAUTHENTICATED" if shape == "gemini" else None)
        assert ("request-id" in answer.headers) is (shape == "anthropic")

    async def test_a_malformed_context_is_refused_and_recorded(self, gateway: Gateway) -> None:
        answer = await gateway.client.get("/v1/files", headers={"x-penstock-session": "x" * 201})
        assert answer.status_code == 400
        assert (await gateway.record()).error_type == "context_invalid"

    async def test_an_upload_over_the_limit_is_refused(
        self, gateway: Gateway, snapshot: Snapshot, provider: Shelf
    ) -> None:
        settings = msgspec.structs.replace(snapshot.gateway, max_upload=1000)
        gateway.publish(msgspec.structs.replace(snapshot, version=2, gateway=settings))
        answer = await gateway.client.post("/v1/files", content=b"x" * 1001, headers={"content-type": "text/plain"})
        assert answer.status_code == 413
        assert "gateway.max_upload" in answer.json()["error"]["message"]
        answer = await gateway.client.post("/v1/files", content=parts(1), headers={"content-type": "text/plain"})
        assert answer.status_code == 413
        assert [span.error_type for span in gateway.journal.spans] == ["request_too_large"] * 2


class TestLimits:
    async def test_requests_count_and_the_callers_own_limits_are_told(
        self, gateway: Gateway, snapshot: Snapshot, provider: Shelf
    ) -> None:
        """FAILURES G4."""
        provider.script = provider.json({"data": []}, **{"x-ratelimit-limit-requests": "9", "x-ratelimit-x": "1"})
        publish(gateway, snapshot, limits=(LimitEntry(name="two", level="key", requests_per_minute=2),))
        for left in ("1", "0"):
            answer = await gateway.client.get("/v1/files")
            assert answer.headers["x-ratelimit-limit-requests"] == "2"
            assert answer.headers["x-ratelimit-remaining-requests"] == left
            assert "x-ratelimit-x" not in answer.headers
        answer = await gateway.client.get("/v1/files")
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limited")
        assert int(answer.headers["retry-after"]) > 0
        assert len(provider.heads) == 2
        assert gateway.journal.spans[-1].error_type == "rate_limited"

    async def test_a_slot_is_free_again_after_a_call_of_either_kind(
        self, gateway: Gateway, snapshot: Snapshot, provider: Shelf
    ) -> None:
        provider.script = provider.silence
        publish(gateway, snapshot, limits=(LimitEntry(name="one", level="key", parallel=1),))
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(gateway.client.get("/v1/files"))
            await provider.asked.wait()
            assert (await gateway.chat()).json()["error"]["code"] == "parallel_limited"
            assert (await gateway.client.get("/v1/files")).json()["error"]["code"] == "parallel_limited"
            waiting.cancel()
        await provider.left.wait()
        await asyncio.wait_for(gateway.journal.recorded.wait(), 5)
        provider.script = provider.json({"data": []})
        while (await gateway.client.get("/v1/files")).status_code == 429:
            await asyncio.sleep(0)

    async def test_a_budget_holds_and_is_charged_what_a_call_cost(
        self, gateway: Gateway, snapshot: Snapshot, provider: Shelf
    ) -> None:
        """FAILURES G4."""
        provider.script = provider.json(IMAGE)
        budget = Budget(window="month", hard=120_000)
        publish(gateway, snapshot, limits=(LimitEntry(name="b", level="project", budgets=(budget,)),))
        refused = await pictures(gateway)
        # 1,024 tokens of an answer whose length nobody said.
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "budget_exceeded")
        for left in (70_000, 20_000):
            assert (await pictures(gateway, max_output_tokens=25)).status_code == 200
            used = await gateway.counters.read(["b/project:project/money/month"])
            assert 120_000 - used["b/project:project/money/month"] == left
        assert (await pictures(gateway, max_output_tokens=25)).status_code == 429
        # What is free needs no room.
        assert (await gateway.client.get("/v1/files")).status_code == 200
        assert len(provider.heads) == 3

    async def test_tokens_are_counted(self, gateway: Gateway, snapshot: Snapshot, provider: Shelf) -> None:
        provider.script = provider.json(IMAGE)
        publish(gateway, snapshot, limits=(LimitEntry(name="t", level="key", tokens_per_minute=10_000),))
        await pictures(gateway)
        assert await gateway.counters.read(["t/key:key/tokens/minute"]) == {"t/key:key/tokens/minute": 30}

    async def test_an_end_user_and_a_tag_have_limits_of_their_own(
        self, gateway: Gateway, snapshot: Snapshot, provider: Shelf
    ) -> None:
        provider.script = provider.json(IMAGE)
        publish(gateway, snapshot, limits=(LimitEntry(name="u", level="user", requests_per_minute=1),))
        assert [(await pictures(gateway, user=user)).status_code for user in ("a", "b", "a")] == [200, 200, 429]


class TestWhatGoesWrong:
    async def test_a_refusal_is_passed_on_as_it_came_and_recorded_as_an_error(
        self, gateway: Gateway, provider: Shelf
    ) -> None:
        provider.script = provider.json({"error": "no such size"}, status="400 Bad Request")
        answer = await pictures(gateway)
        assert (answer.status_code, answer.json()) == (400, {"error": "no such size"})
        span = await gateway.record()
        assert (span.status, span.error_type, span.http_status, span.cost) == ("error", "upstream_rejected", 400, 0)

    async def test_failures_speak_against_the_model_and_refusals_do_not(
        self, gateway: Gateway, snapshot: Snapshot, provider: Shelf
    ) -> None:
        for status in ("500 Oh", "400 Bad Request", "503 Busy"):
            provider.script = provider.json({}, status=status)
            assert (await pictures(gateway)).status_code == int(status[:3])
        provider.script = provider.json(IMAGE)
        await pictures(gateway)
        health = gateway.health.target(snapshot.providers["p"], "picture")
        report = health.report(asyncio.get_running_loop().time())
        assert (report.attempts, report.errors, report.in_flight) == (3, 2, 0)

    async def test_what_names_no_model_has_no_health(self, gateway: Gateway, provider: Shelf) -> None:
        provider.script = provider.json({}, status="500 Oh")
        await gateway.client.get("/v1/files")
        assert gateway.health.reports(asyncio.get_running_loop().time()) == ()

    async def test_nobody_there_is_an_error_of_the_gateways_own(
        self, gateway: Gateway, snapshot: Snapshot, provider: Shelf
    ) -> None:
        publish(gateway, snapshot, providers=changed(snapshot, base_url="http://127.0.0.1:9/v1"))
        answer = await pictures(gateway)
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_unreachable")
        assert (await gateway.record()).status == "error"

    @pytest.mark.parametrize("timeouts", [Timeouts(connect=5, first_byte=0.2, gap=5, total=10)])
    async def test_no_answer_in_time_is_an_error_that_names_the_timer(
        self, gateway: Gateway, provider: Shelf, timeouts: Timeouts
    ) -> None:
        del timeouts
        provider.script = provider.silence
        answer = await pictures(gateway)
        assert (answer.status_code, answer.json()["error"]["code"]) == (504, "upstream_timeout_first_byte")
        await provider.left.wait()
        # It was sent, and nobody knows what the provider made of it.
        assert (await gateway.record()).cost is None

    @pytest.mark.parametrize(
        ("timeouts", "code"),
        [
            (Timeouts(connect=5, first_byte=5, gap=0.2, total=10), "upstream_timeout_gap"),
            (Timeouts(connect=5, first_byte=5, gap=5, total=0.2), "upstream_timeout_total"),
        ],
    )
    async def test_an_answer_that_stops_is_broken_off(
        self, gateway: Gateway, provider: Shelf, timeouts: Timeouts, code: str
    ) -> None:
        """FAILURES G14."""
        del timeouts
        provider.script = provider.stream(delta("Hel"), end="silence")
        with pytest.raises(httpx.RemoteProtocolError):
            await gateway.client.post("/v1/completions", json={"model": "p/m", "prompt": "x", "stream": True})
        await provider.left.wait()
        span = await gateway.record()
        assert (span.status, span.error_type, span.http_status) == ("error", code, 200)

    @pytest.mark.parametrize("timeouts", [Timeouts(connect=5, first_byte=5, gap=0.2, total=10)])
    async def test_a_provider_that_takes_no_more_is_given_up(
        self, gateway: Gateway, provider: Shelf, timeouts: Timeouts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        del timeouts
        free = asyncio.Event()

        async def stuck(head: str, reader: asyncio.StreamReader) -> None:
            del head, reader
            await free.wait()
            raise ConnectionResetError

        monkeypatch.setattr(provider, "_body", stuck)
        async with asyncio.timeout(8):
            answer = await gateway.client.post("/v1/files", content=parts(400), headers={"content-type": "video/mp4"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (504, "upstream_timeout_gap")
        assert "took no more" in answer.json()["error"]["message"]
        free.set()
        await provider.left.wait()

    async def test_a_slow_callers_pauses_are_not_the_providers(self, gateway: Gateway, provider: Shelf) -> None:
        provider.script = provider.json({"text": "Hi"})
        kind = {"content-type": "audio/wav"}

        async def pausing(seconds: float) -> AsyncIterator[bytes]:
            yield b"half"
            await provider.reading.wait()
            gateway.watchdog.tick(asyncio.get_running_loop().time() + seconds)
            if seconds > 10:
                await provider.left.wait()
            yield b"half"

        assert (await gateway.client.post("/v1/audio/x", content=pausing(9), headers=kind)).status_code == 200
        assert provider.sizes == [8]
        provider.reading.clear()
        answer = await gateway.client.post("/v1/audio/x", content=pausing(11), headers=kind)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "upload_too_slow")
        assert gateway.journal.spans[-1].cost is None

    async def test_a_caller_who_reads_slowly_is_waited_for(self, gateway: Gateway, provider: Shelf) -> None:
        async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: %d\r\n\r\n" % (400 * 65536))
            async for part in parts(400):
                writer.write(part)
                await writer.drain()

        provider.script = script
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.client.base_url.port, limit=65536)
        writer.write(b"GET /v1/files/x/content HTTP/1.1\r\nauthorization: Bearer %b\r\n\r\n" % KEY.encode())
        head = await reader.readuntil(b"\r\n\r\n")
        (watch,) = gateway.watchdog._watches
        while watch.timer != "gap" or watch.deadline < float("inf"):
            await asyncio.sleep(0)
        gateway.watchdog.tick(asyncio.get_running_loop().time() + 9)
        assert len(await reader.readexactly(400 * 65536)) == 400 * 65536
        assert head.startswith(b"HTTP/1.1 200 OK")
        writer.close()

    @pytest.mark.parametrize("when", ["uploading", "waiting", "reading"])
    async def test_a_caller_who_leaves_ends_the_call_at_the_provider(
        self, gateway: Gateway, provider: Shelf, when: str
    ) -> None:
        """FAILURES G13."""
        provider.script = provider.silence if when == "waiting" else provider.stream(delta("Hel"), end="silence")
        forever = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            yield b"x" * 1000
            await forever.wait()

        async def leave() -> None:
            content = endless() if when == "uploading" else b"{}"
            kind = "audio/wav" if when == "uploading" else "application/json"
            async with gateway.client.stream(
                "POST", "/v1/images/edits", content=content, headers={"content-type": kind}
            ) as answer:
                async for _ in answer.aiter_raw():
                    return

        task = asyncio.ensure_future(leave())
        await provider.reading.wait()
        if when == "waiting":
            await provider.asked.wait()
        if when != "reading":
            task.cancel()
        await asyncio.wait([task])
        await asyncio.wait_for(provider.left.wait(), 5)
        span = await gateway.record()
        assert (span.status, span.error_type) == ("interrupted", "client_disconnected")
        assert span.http_status == (200 if when == "reading" else 499)
        assert span.cost is None

    async def test_a_full_journal_refuses_before_anything_is_sent(self, gateway: Gateway, provider: Shelf) -> None:
        gateway.journal.full = True
        answer = await pictures(gateway)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "journal_full")
        assert provider.heads == []

    async def test_what_cannot_be_recorded_does_not_look_whole(
        self, gateway: Gateway, provider: Shelf, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """FAILURES G8."""

        def refuse(spans: object) -> None:
            raise Unavailable("The journal is full.", code="journal_full")

        monkeypatch.setattr(gateway.journal, "record", refuse)
        provider.script = provider.json(IMAGE)
        with pytest.raises(httpx.RemoteProtocolError):
            await pictures(gateway)
        provider.script = provider.silence
        monkeypatch.setattr(gateway.journal, "full", True)
        assert (await pictures(gateway)).status_code == 503

    async def test_a_gateway_that_stops_says_so(self, snapshot: Snapshot, provider: Shelf, tmp_path: Path) -> None:
        provider.script = provider.silence
        async with (
            httpx.AsyncClient(headers={"authorization": f"Bearer {KEY}"}) as client,
            asyncio.TaskGroup() as tasks,
            running(snapshot, tmp_path) as gateway,
        ):
            url = gateway.client.base_url.join("/v1/images/generations")
            asked = tasks.create_task(client.post(url, json={"model": "p/picture"}))
            await provider.asked.wait()
        answer = asked.result()
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "gateway_stopping")
        assert gateway.journal.spans[0].status == "interrupted"

    async def test_a_defect_is_answered_and_recorded(
        self, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr("penstock.gateway.passage.resolve", broken)
        answer = await pictures(gateway)
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
        span = await gateway.record()
        assert span.trace_id in answer.json()["error"]["message"]
        assert "failed inside the gateway" in caplog.text

    async def test_before_anything_is_published_nothing_is_served(self, gateway: Gateway) -> None:
        gateway.publication._catalog = None
        for path in ("/v1/files", "/nowhere"):
            answer = await gateway.client.get(path)
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")


class TestKeysOfAProvider:
    @pytest.fixture
    async def two(self, snapshot: Snapshot, tmp_path: Path) -> AsyncIterator[Gateway]:
        keys = (ProviderKey(name="a", secret="env:A"), ProviderKey(name="b", secret="env:B"))
        snapshot = msgspec.structs.replace(snapshot, providers=changed(snapshot, api_key=None, keys=keys))
        async with running(snapshot, tmp_path, environment={"A": "one", "B": "two", "SECRET": SECRET}) as gateway:
            yield gateway

    async def test_calls_use_all_and_what_is_kept_the_first(self, two: Gateway, provider: Shelf) -> None:
        provider.script = provider.json(IMAGE)
        for _ in range(12):
            await pictures(two)
        assert {head.split("Bearer ")[1].split("\r\n")[0] for head in provider.heads} == {"one", "two"}
        provider.heads.clear()
        for _ in range(6):
            await two.client.post("/v1/files", content=b"x", headers={"content-type": "text/plain"})
            await two.client.get("/v1/files")
        assert all("Bearer one\r\n" in head for head in provider.heads)

    async def test_a_key_that_is_refused_is_set_aside(self, two: Gateway, snapshot: Snapshot, provider: Shelf) -> None:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            refused = "Bearer one\r\n" in provider.head
            answer = provider.json({}, status="401 No") if refused else provider.json(IMAGE)
            await answer(reader, writer)

        provider.script = script
        statuses = [(await pictures(two)).status_code for _ in range(12)]
        assert statuses.count(502) == 1
        assert statuses.count(200) == 11
        health = two.health.target(two.publication.catalog.providers["p"], "picture")
        assert health.report(asyncio.get_running_loop().time()).errors == 0
