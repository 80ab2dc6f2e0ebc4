"""Calls through the whole pipeline over real sockets: answers, failures, timers, disconnects, records."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
import pytest

from gateway_harness import DONE, SECRET, USAGE, Gateway, Provider, completion, delta, event
from penstock.wire.snapshot import GatewaySettings, Timeouts

HELLO = (delta(""), delta("Hel"), delta("lo."), delta(finish="stop"), USAGE, DONE)


@dataclass
class Read:
    """A stream as a caller read it."""

    status: int
    text: str
    events: list[Any]

    @property
    def error(self) -> dict[str, Any]:
        (found,) = [event["error"] for event in self.events if isinstance(event, dict) and "error" in event]
        return found


async def read_stream(gateway: Gateway, **fields: Any) -> Read:
    answer = await gateway.chat(stream=True, **fields)
    return parse(answer)


def parse(answer: httpx.Response) -> Read:
    events: list[Any] = []
    for line in answer.text.splitlines():
        if line.startswith("data: "):
            data = line.removeprefix("data: ")
            events.append(data if data == "[DONE]" else json.loads(data))
    pieces = [
        choice["delta"].get("content") or ""
        for item in events
        if isinstance(item, dict)
        for choice in item.get("choices", [])
    ]
    return Read(answer.status_code, "".join(pieces), events)


class TestWhole:
    async def test_the_providers_answer_is_passed_on_byte_for_byte(self, gateway: Gateway, provider: Provider) -> None:
        body = b'{"id":"x",  "choices":[{"message":{"content":"a","extra":1},"finish_reason":"stop"}],"odd":[1, 2]}'
        provider.script = provider.raw(body, **{"content-type": "application/json"})
        answer = await gateway.chat()
        assert answer.content == body

    async def test_only_the_model_is_changed_in_a_request(self, gateway: Gateway, provider: Provider) -> None:
        await gateway.chat(temperature=0.25, unknown={"deep": [1, {"x": None}]})
        _, sent = provider.requests[0]
        assert sent == {
            "model": "m",
            "messages": [{"role": "user", "content": "Hi"}],
            "temperature": 0.25,
            "unknown": {"deep": [1, {"x": None}]},
        }

    async def test_the_provider_gets_its_own_secret_and_not_the_callers(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        """FAILURES G29."""
        await gateway.chat()
        head, _ = provider.requests[0]
        assert f"authorization: Bearer {SECRET}".encode() in head
        assert b"psk_" not in head

    async def test_a_call_is_recorded_with_usage_cost_and_text(self, gateway: Gateway) -> None:
        answer = await gateway.chat(user="alice", temperature=0.5)
        span = await gateway.record()
        assert span.trace_id == answer.headers["x-penstock-trace-id"]
        assert (span.status, span.http_status, span.kind, span.provider) == ("ok", 200, "llm", "p")
        assert (span.requested_model, span.served_model) == ("p/m", "m-2024")
        assert (span.usage_input, span.usage_output, span.usage_estimated) == (10, 5, False)
        assert span.cost == 10 * 1000 + 5 * 2000
        assert answer.headers["x-penstock-cost"] == str(span.cost)
        assert json.loads(bytes(span.input or b"")) == [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]
        assert "Hello." in bytes(span.output or b"").decode()
        assert span.duration > 0
        assert span.user
        assert "alice" not in msgspec.json.encode(span).decode(), "an end user's id is stored hashed only"

    async def test_a_call_joins_its_callers_trace(self, gateway: Gateway) -> None:
        trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
        headers = {"traceparent": f"00-{trace}-{parent}-01", "x-penstock-session": "s1", "x-penstock-tags": "env=prod"}
        answer = await gateway.chat(headers=headers)
        span = await gateway.record()
        assert (span.trace_id, span.parent_id) == (trace, parent)
        assert answer.headers["x-penstock-trace-id"] == trace
        assert (span.session, span.tags) == ("s1", {"env": "prod"})

    @pytest.mark.parametrize("parent", ["nonsense", "00-" + "0" * 32 + "-b7ad6b7169203331-01", ""])
    async def test_a_malformed_traceparent_starts_a_new_trace(self, gateway: Gateway, parent: str) -> None:
        answer = await gateway.chat(headers={"traceparent": parent})
        assert answer.status_code == 200
        assert (await gateway.record()).parent_id is None

    async def test_a_malformed_tags_header_is_refused_and_recorded(self, gateway: Gateway) -> None:
        answer = await gateway.chat(headers={"x-penstock-tags": "no pairs here"})
        assert answer.status_code == 400
        assert "x-penstock-tags" in answer.json()["error"]["message"]
        assert (await gateway.record()).status == "error"

    @pytest.mark.parametrize("size", [40_000, 1_000_000])
    async def test_bodies_up_to_the_limit_work(self, gateway: Gateway, provider: Provider, size: int) -> None:
        """FAILURES G25."""
        answer = await gateway.chat(messages=[{"role": "user", "content": "x" * size}])
        assert answer.status_code == 200
        assert len(provider.requests[0][1]["messages"][0]["content"]) == size

    async def test_an_answer_over_the_limit_is_an_error(self, gateway: Gateway, provider: Provider) -> None:
        settings = GatewaySettings(max_response=1000)
        snapshot = msgspec.structs.replace(gateway.publication.catalog.snapshot, gateway=settings, version=2)
        gateway.publish(snapshot)
        provider.script = provider.json(completion("x" * 2000))
        answer = await gateway.chat()
        assert answer.status_code == 502
        assert answer.json()["error"]["code"] == "upstream_too_large"

    async def test_text_is_not_recorded_where_it_should_not_be(self, gateway: Gateway) -> None:
        settings = GatewaySettings(record_content=False)
        gateway.publish(msgspec.structs.replace(gateway.publication.catalog.snapshot, gateway=settings, version=2))
        await gateway.chat()
        span = await gateway.record()
        assert span.input is None
        assert span.output is None
        assert span.fingerprint
        assert b"bytes_not_recorded" in bytes(span.attributes or b"")


class TestBadInput:
    async def test_a_body_over_the_limit_is_refused(self, gateway: Gateway, provider: Provider) -> None:
        answer = await gateway.chat(messages=[{"role": "user", "content": "x" * 3_000_000}])
        assert answer.status_code == 413
        assert "2097152 bytes" in answer.json()["error"]["message"]
        assert provider.requests == []
        assert (await gateway.record()).http_status == 413

    async def test_a_body_over_the_limit_is_refused_though_its_length_is_not_declared(self, gateway: Gateway) -> None:
        async def pieces() -> Any:
            for _ in range(40):
                yield b"x" * 100_000

        answer = await gateway.client.post("/v1/chat/completions", content=pieces())
        assert answer.status_code == 413

    @pytest.mark.parametrize("body", [b"{", b"[]", b"", b"\xff\xfe", b'{"model":"p/m"}', b'{"model":3,"messages":[]}'])
    async def test_a_malformed_body_is_refused_with_a_reason(self, gateway: Gateway, body: bytes) -> None:
        answer = await gateway.client.post("/v1/chat/completions", content=body)
        assert answer.status_code == 400
        error = answer.json()["error"]
        assert error["type"] == "invalid_request_error"
        assert error["message"]
        assert (await gateway.record()).status == "error"

    async def test_a_compressed_body_is_refused(self, gateway: Gateway) -> None:
        answer = await gateway.client.post("/v1/messages", content=b"x", headers={"content-encoding": "gzip"})
        assert answer.status_code == 400
        assert "content-encoding" in answer.json()["error"]["message"]

    async def test_an_unknown_model_is_named_with_its_nearest(self, gateway: Gateway) -> None:
        answer = await gateway.chat("bot")
        assert answer.status_code == 404
        error = answer.json()["error"]
        assert error["code"] == "model_not_found"
        assert "'both'" in error["message"]

    async def test_errors_speak_the_callers_dialect(self, gateway: Gateway) -> None:
        answer = await gateway.message("nothing/like-this")
        assert answer.status_code == 404
        assert answer.json()["type"] == "error"
        assert answer.json()["error"]["type"] == "not_found_error"

    async def test_an_unknown_path_says_what_there_is(self, gateway: Gateway) -> None:
        answer = await gateway.client.post("/chat/completions", json={})
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "unknown_route"
        assert "base_url ends with /v1" in answer.json()["error"]["message"]

    async def test_a_wrong_method_says_which_is_right(self, gateway: Gateway) -> None:
        answer = await gateway.client.get("/v1/chat/completions")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"


class TestStreams:
    async def test_a_stream_is_passed_on_and_its_usage_recorded_though_not_asked_for(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        """FAILURES G1."""
        provider.script = provider.stream(*HELLO)
        read = await read_stream(gateway)
        assert read.text == "Hello."
        assert read.events[-1] == "[DONE]"
        assert not [item for item in read.events if isinstance(item, dict) and not item["choices"]]
        assert provider.requests[0][1]["stream_options"] == {"include_usage": True}
        span = await gateway.record()
        assert (span.status, span.stream, span.usage_input, span.usage_output) == ("ok", True, 10, 5)
        assert span.cost == 20_000
        assert span.ttft is not None
        assert span.ttft <= span.duration
        assert [one.span_id for one in gateway.journal.begun] == [span.span_id]

    async def test_usage_that_was_asked_for_is_passed_on(self, gateway: Gateway, provider: Provider) -> None:
        provider.script = provider.stream(*HELLO)
        read = await read_stream(gateway, stream_options={"include_usage": True})
        assert read.events[-2]["usage"]["prompt_tokens"] == 10

    async def test_a_stream_without_usage_is_estimated_and_marked(self, gateway: Gateway, provider: Provider) -> None:
        """FAILURES G1."""
        provider.script = provider.stream(delta("word " * 100), delta(finish="stop"), DONE)
        await read_stream(gateway)
        span = await gateway.record()
        assert span.usage_estimated
        assert span.usage_output > 50
        assert span.usage_input > 0
        assert span.cost

    @pytest.mark.parametrize(
        "events",
        [
            (delta("Hi"), delta(finish="stop", usage={"prompt_tokens": 10, "completion_tokens": 5}), DONE),
            (
                delta("Hi", usage={"prompt_tokens": 10, "completion_tokens": 1}),
                delta(finish="stop", usage={"prompt_tokens": 10, "completion_tokens": 5}),
                DONE,
            ),
            (delta("Hi"), delta(finish="stop"), delta("", usage={"prompt_tokens": 10, "completion_tokens": 5}), DONE),
        ],
        ids=["with the finish reason", "cumulative", "after the finish reason"],
    )
    async def test_usage_is_taken_wherever_it_stands(
        self, gateway: Gateway, provider: Provider, events: tuple[bytes, ...]
    ) -> None:
        """FAILURES G2."""
        provider.script = provider.stream(*events)
        await read_stream(gateway)
        span = await gateway.record()
        assert (span.usage_input, span.usage_output, span.usage_estimated) == (10, 5, False)

    async def test_a_stream_that_is_cut_is_an_error_and_billed_for_what_came(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        """FAILURES G6, G14."""
        provider.script = provider.stream(delta("Hello, "), delta("wor"), end="cut")
        read = await read_stream(gateway)
        assert read.text == "Hello, wor"
        assert read.error["code"] == "upstream_cut"
        assert "[DONE]" not in read.events
        span = await gateway.record()
        assert (span.status, span.error_type) == ("error", "upstream_cut")
        assert span.usage_estimated
        assert span.cost
        assert "Hello, wor" in bytes(span.output or b"").decode()

    async def test_a_stream_that_ends_without_a_finish_reason_is_an_error(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        """FAILURES G14."""
        provider.script = provider.stream(delta("Hello"), end="clean")
        read = await read_stream(gateway)
        assert read.error["code"] == "upstream_cut"

    async def test_an_error_after_content_is_one_typed_event(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        """FAILURES G15."""
        failure = event({"error": {"message": "The engine overheated.", "type": "server_error", "code": None}})
        provider.script = provider.stream(delta("Hel"), failure)
        read = await read_stream(gateway, model="both")
        assert read.text == "Hel"
        assert "overheated" in read.error["message"]
        assert "[DONE]" not in read.events
        assert second.requests == []
        assert (await gateway.record()).status == "error"

    async def test_an_error_before_content_falls_back(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        """FAILURES G15."""
        failure = event({"error": {"message": "No.", "type": "server_error", "code": None}})
        provider.script = provider.stream(delta(""), failure)
        second.script = second.stream(*HELLO)
        read = await read_stream(gateway, model="both")
        assert (read.status, read.text) == (200, "Hello.")
        assert not [item for item in read.events if isinstance(item, dict) and "error" in item]
        root = await gateway.record()
        attempts = [span for span in gateway.journal.spans if not span.call]
        assert (root.kind, root.status, root.route) == ("gateway", "ok", "both")
        assert root.usage_input == 0
        assert [(span.provider, span.status) for span in attempts] == [("p", "error"), ("q", "ok")]
        assert all(span.parent_id == root.span_id for span in attempts)
        assert attempts[1].usage_output == 5

    @pytest.mark.parametrize(
        "broken",
        [b'data: {"id": "c", "choices": [\n\n', b"data: not json\n\n"],
    )
    async def test_broken_json_ends_the_stream_with_a_typed_error(
        self, gateway: Gateway, provider: Provider, broken: bytes
    ) -> None:
        """FAILURES G30."""
        provider.script = provider.stream(delta("Hel"), broken, delta("lo"), delta(finish="stop"), DONE)
        read = await read_stream(gateway)
        assert read.text == "Hel"
        assert read.error["code"] == "upstream_malformed"

    async def test_comments_blanks_and_unknown_events_are_passed_over(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        """FAILURES G30."""
        odd = (b": heartbeat\n\n", b"\n\n", b"event: mood\ndata: {}\n\n", b"retry: 100\n\n")
        provider.script = provider.stream(odd[0], delta("Hel"), *odd, delta("lo."), delta(finish="stop"), DONE)
        read = await read_stream(gateway)
        assert read.text == "Hello."
        assert (await gateway.record()).status == "ok"

    async def test_an_answer_that_is_no_stream_is_an_error(self, gateway: Gateway, provider: Provider) -> None:
        answer = await gateway.chat(stream=True)
        assert answer.status_code == 502
        assert answer.json()["error"]["code"] == "upstream_wrong_content_type"

    async def test_a_stream_that_is_done_but_not_closed_ends_all_the_same(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        provider.script = provider.stream(*HELLO, end="silence")
        read = await read_stream(gateway)
        assert read.text == "Hello."
        assert read.events[-1] == "[DONE]"
        assert (await gateway.record()).status == "ok"


class TestFallback:
    @pytest.mark.parametrize(
        "status", ["500 Internal Server Error", "503 Service Unavailable", "429 Too Many Requests"]
    )
    async def test_an_error_that_another_target_may_not_have_falls_back(
        self, gateway: Gateway, provider: Provider, status: str
    ) -> None:
        provider.script = provider.json({"error": {"message": "x", "type": "x"}}, status)
        answer = await gateway.chat("both")
        assert answer.status_code == 200
        assert [span.provider for span in gateway.journal.spans if not span.call] == ["p", "q"]

    async def test_an_error_that_any_target_would_have_does_not(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        """FAILURES G16."""
        provider.script = provider.json({"error": {"message": "Bad temperature.", "type": "x"}}, "400 Bad Request")
        answer = await gateway.chat("both")
        assert answer.status_code == 400
        assert answer.json()["error"]["message"] == "Bad temperature."
        assert second.requests == []

    async def test_a_call_to_one_target_never_goes_to_another(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        """FAILURES G16."""
        provider.script = provider.json({"error": {"message": "x"}}, "500 Internal Server Error")
        assert (await gateway.chat("p/m")).status_code == 500
        assert second.requests == []

    async def test_when_all_fail_the_last_error_is_told(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        provider.script = provider.json({"error": {"message": "first"}}, "500 Internal Server Error")
        second.script = second.json({"error": {"message": "second"}}, "429 Too Many Requests", **{"retry-after": "9"})
        answer = await gateway.chat("both")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "9")
        root = await gateway.record()
        assert root.status == "error"
        assert [span.cost for span in gateway.journal.spans] == [0, 0, 0]

    async def test_a_refused_provider_key_is_not_blamed_on_the_caller(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        provider.script = provider.json({"error": {"message": "bad key", "type": "x"}}, "401 Unauthorized")
        answer = await gateway.chat()
        assert answer.status_code == 502
        assert answer.json()["error"]["code"] == "upstream_auth_failed"

    async def test_redirects_are_not_followed(self, gateway: Gateway, provider: Provider, second: Provider) -> None:
        """FAILURES G29: a secret would go with it."""
        provider.script = provider.json({}, "307 Temporary Redirect", location=f"{second.url}/v1/chat/completions")
        answer = await gateway.chat()
        assert answer.status_code >= 400
        assert second.requests == []


class TestDisconnect:
    async def leave(self, gateway: Gateway, provider: Provider, *, stream: bool, pieces: int) -> None:
        body = {"model": "p/m", "stream": stream, "messages": [{"role": "user", "content": "Hi"}]}
        async with asyncio.timeout(10):
            request = gateway.client.build_request("POST", "/v1/chat/completions", json=body)
            asking = asyncio.create_task(gateway.client.send(request, stream=True))
            await provider.asked.wait()
            if pieces:
                answer = await asking
                received = answer.aiter_lines()
                for _ in range(pieces):
                    await anext(received)
                await answer.aclose()
            else:
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
            await provider.left.wait()

    async def test_leaving_before_the_first_token_cancels_the_upstream_call(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        """FAILURES G13."""
        provider.script = provider.silence
        await self.leave(gateway, provider, stream=True, pieces=0)
        span = await gateway.record()
        assert (span.status, span.error_type, span.http_status) == ("interrupted", "client_disconnected", 499)
        assert span.usage_input > 0
        assert span.usage_estimated

    async def test_leaving_in_the_middle_of_a_stream_cancels_and_bills_what_came(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        """FAILURES G6, G13."""
        provider.script = provider.stream(delta("word " * 100), end="silence")
        await self.leave(gateway, provider, stream=True, pieces=1)
        span = await gateway.record()
        assert span.status == "interrupted"
        assert span.usage_output > 50
        assert span.cost

    async def test_leaving_while_a_whole_answer_is_awaited_cancels_the_upstream_call(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        """FAILURES G13."""
        provider.script = provider.silence
        await self.leave(gateway, provider, stream=False, pieces=0)
        assert (await gateway.record()).status == "interrupted"

    async def test_nothing_is_tried_again_after_the_caller_left(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        """FAILURES G13."""
        provider.script = provider.silence
        await self.leave(gateway, provider, stream=True, pieces=0)
        await gateway.record()
        assert second.requests == []

    @pytest.mark.parametrize("stream", [True, False])
    async def test_a_caller_that_asks_for_it_finds_the_whole_answer_in_the_record(
        self, gateway: Gateway, provider: Provider, stream: bool
    ) -> None:
        go_on = asyncio.Event()
        whole = provider.stream(delta("Hello."), DONE) if stream else provider.json(completion("Hello."))

        async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await go_on.wait()
            await whole(reader, writer)

        provider.script = late
        body = {"model": "p/m", "stream": stream, "messages": [{"role": "user", "content": "Hi"}]}
        headers = {"x-penstock-on-disconnect": "finish"}
        asking = asyncio.create_task(gateway.client.post("/v1/chat/completions", json=body, headers=headers))
        await provider.asked.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await gateway.client.get("/v1/models")  # by then the gateway has seen the other connection close
        go_on.set()
        span = await gateway.record()
        assert (span.status, span.usage_estimated) == ("ok", stream)
        assert b"Hello." in bytes(span.output)
        assert len(provider.requests) == 1

    async def test_what_becomes_of_a_call_without_caller_is_one_of_two_words(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        answer = await gateway.chat(headers={"x-penstock-on-disconnect": "go on"})
        assert answer.status_code == 400
        assert "must be finish or cancel, got 'go on'" in answer.json()["error"]["message"]
        assert provider.requests == []


class TestTimers:
    @pytest.fixture
    def timeouts(self, request: pytest.FixtureRequest) -> Timeouts:
        """One short timer, named by the test's parameter."""
        return msgspec.structs.replace(Timeouts(connect=5, first_byte=5, gap=5, total=5), **{request.param: 0.15})

    @pytest.mark.parametrize("timeouts", ["first_byte"], indirect=True)
    @pytest.mark.parametrize("stream", [True, False])
    async def test_a_silent_provider_runs_into_the_first_byte_timer(
        self, gateway: Gateway, provider: Provider, stream: bool
    ) -> None:
        """FAILURES G17."""
        provider.script = provider.silence
        answer = await gateway.chat(stream=stream)
        assert answer.status_code == 504
        assert answer.json()["error"]["code"] == "upstream_timeout_first_byte"
        await asyncio.wait_for(provider.left.wait(), 5)
        assert (await gateway.record()).error_type == "upstream_timeout_first_byte"

    @pytest.mark.parametrize("timeouts", ["first_byte"], indirect=True)
    async def test_lifecycle_events_do_not_stop_the_first_byte_timer(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        """FAILURES G17."""
        provider.script = provider.stream(delta(""), end="silence")
        answer = await gateway.chat(stream=True)
        assert answer.status_code == 504

    @pytest.mark.parametrize("timeouts", ["first_byte"], indirect=True)
    async def test_a_silent_provider_is_left_for_the_next(self, gateway: Gateway, provider: Provider) -> None:
        """FAILURES G17."""
        provider.script = provider.silence
        assert (await gateway.chat("both")).status_code == 200

    @pytest.mark.parametrize("timeouts", ["gap"], indirect=True)
    async def test_a_stream_that_falls_silent_runs_into_the_gap_timer(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        """FAILURES G17."""
        provider.script = provider.stream(delta("Hel"), end="silence")
        read = await read_stream(gateway)
        assert read.text == "Hel"
        assert read.error["code"] == "upstream_timeout_gap"
        await asyncio.wait_for(provider.left.wait(), 5)

    @pytest.mark.parametrize("timeouts", ["total"], indirect=True)
    async def test_a_stream_without_end_runs_into_the_total_timer(self, gateway: Gateway, provider: Provider) -> None:
        """FAILURES G17."""

        async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            chunk = delta("on ")
            while not writer.is_closing():
                writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                await writer.drain()
                await asyncio.sleep(0.01)

        provider.script = endless
        read = await read_stream(gateway)
        assert read.text.startswith("on on ")
        assert read.error["code"] == "upstream_timeout_total"


class TestKeepAlive:
    @pytest.fixture
    def settings(self) -> GatewaySettings:
        return GatewaySettings(keepalive=0.1)

    async def test_a_quiet_stream_is_kept_alive_by_comments(self, gateway: Gateway, provider: Provider) -> None:
        """FAILURES G18."""
        seen = asyncio.Event()

        async def thinking(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            await seen.wait()
            for chunk in (*HELLO, b""):
                writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))

        provider.script = thinking
        body = {"model": "p/m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
        lines: list[str] = []
        async with asyncio.timeout(10), gateway.client.stream("POST", "/v1/chat/completions", json=body) as answer:
            async for line in answer.aiter_lines():
                lines.append(line)
                if line.startswith(":"):
                    seen.set()
        assert answer.status_code == 200
        assert ": keep-alive" in lines
        assert lines[-2] == "data: [DONE]"

    async def test_a_failure_after_a_comment_is_an_event(self, gateway: Gateway, provider: Provider) -> None:
        """FAILURES G15, G18: the status is sent, so the error can only follow it."""
        seen = asyncio.Event()

        async def late(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await seen.wait()
            writer.write(b"HTTP/1.1 500 Oops\r\ncontent-length: 2\r\n\r\n{}")

        provider.script = late
        body = {"model": "p/m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
        text = ""
        async with asyncio.timeout(10), gateway.client.stream("POST", "/v1/chat/completions", json=body) as answer:
            async for line in answer.aiter_lines():
                text += line + "\n"
                if line.startswith(":"):
                    seen.set()
        assert '"error"' in text


class TestJournal:
    async def test_a_full_journal_refuses_calls_before_they_cost_anything(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        """FAILURES G8."""
        gateway.journal.full = True
        answer = await gateway.chat()
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()["error"]["code"] == "journal_full"
        assert provider.requests == []
