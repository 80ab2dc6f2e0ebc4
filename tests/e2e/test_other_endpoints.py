"""The official SDKs on the providers' other endpoints and on native paths, through a whole Penstock."""

import io
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import openai
import psutil
import pytest
from google import genai
from google.genai import types

from e2e_harness import Control, children, eventually
from penstock.testing.server import PenstockServer
from penstock.testing.simulator import SimulatorServer

pytestmark = pytest.mark.usefixtures("penstock_simulator")


@pytest.fixture
def google_client(stack: PenstockServer) -> Iterator[genai.Client]:
    """Google's SDK sends its key as `x-goog-api-key` and puts the version into the path."""
    client = genai.Client(
        api_key=stack.admin_key, http_options=types.HttpOptions(base_url=f"{stack.gateway_url}/sim-gemini")
    )
    yield client
    client.close()


def call_of(control: Control, trace_id: str) -> Any:
    (span,) = [span for span in control.trace(trace_id)["spans"] if span["call"]]
    return span


class TestOpenAI:
    def test_images_are_made_recorded_and_priced(self, openai_client: openai.OpenAI, control: Control) -> None:
        raw = openai_client.images.with_raw_response.generate(
            model="sim/gpt-image-1", prompt="A dam", size="8x8", quality="low"
        )
        answer = raw.parse()
        assert answer.usage is not None
        span = call_of(control, raw.headers["x-penstock-trace-id"])
        assert (span["operation"], span["provider"], span["status"]) == ("passthrough", "sim", "ok")
        assert span["name"] == "POST /v1/images/generations"
        assert span["usage_output_image"] == answer.usage.output_tokens
        assert span["cost"]

    def test_pictures_are_edited_in_a_form(self, openai_client: openai.OpenAI) -> None:
        picture = ("a.png", io.BytesIO(bytes(300_000)))
        answer = openai_client.images.edit(model="sim/gpt-image-1", prompt="x", image=picture, size="512x512", n=2)
        assert len(answer.data or []) == 2

    def test_speech_is_spoken_and_written_down(self, openai_client: openai.OpenAI, control: Control) -> None:
        raw = openai_client.audio.speech.with_raw_response.create(
            model="sim/gpt-4o-mini-tts", voice="alloy", input="Open the gate. " * 50
        )
        sound = raw.parse().content
        assert len(sound) > 10_000
        assert call_of(control, raw.headers["x-penstock-trace-id"])["cost"] is None
        text = openai_client.audio.transcriptions.create(model="sim/whisper-1", file=("a.mp3", sound))
        assert text.text

    def test_files_and_batches_live_at_the_provider(self, openai_client: openai.OpenAI) -> None:
        line = json.dumps({"custom_id": "a", "body": {"model": "text-embedding-3-small", "input": "x"}}).encode()
        file = openai_client.files.create(file=("in.jsonl", line), purpose="batch")
        assert file.id in [one.id for one in openai_client.files.list()]
        assert openai_client.files.content(file.id).content == line
        batch = openai_client.batches.create(input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h")
        done = openai_client.batches.retrieve(batch.id)
        assert done.status == "completed"
        assert b'"custom_id"' in openai_client.files.content(done.output_file_id or "").content
        assert openai_client.files.delete(file.id).deleted
        with pytest.raises(openai.NotFoundError):
            openai_client.files.retrieve(file.id)

    def test_texts_are_moderated(self, openai_client: openai.OpenAI) -> None:
        assert openai_client.moderations.create(input="I will kill you").results[0].flagged

    def test_the_providers_refusal_is_the_sdks_own_exception(self, openai_client: openai.OpenAI) -> None:
        with pytest.raises(openai.BadRequestError, match="between 1 and 10"):
            openai_client.images.generate(model="sim/gpt-image-1", prompt="x", n=99)

    def test_a_native_path_serves_a_chat_as_a_chat(self, stack: PenstockServer, control: Control) -> None:
        url = f"{stack.gateway_url}/sim/v1"
        with openai.OpenAI(base_url=url, api_key=stack.admin_key, max_retries=0) as client:
            raw = client.chat.completions.with_raw_response.create(
                model="gpt-4o-mini", messages=[{"role": "user", "content": "Hi"}]
            )
            assert raw.parse().choices[0].message.content
            assert "fast" not in [model.id for model in client.models.list()]
        span = call_of(control, raw.headers["x-penstock-trace-id"])
        assert (span["operation"], span["provider"]) == ("chat", "sim")

    def test_azures_sdk_may_send_its_own_header(self, stack: PenstockServer) -> None:
        with openai.AzureOpenAI(
            base_url=f"{stack.gateway_url}/sim/v1", api_key=stack.admin_key, api_version="2024-10-21", max_retries=0
        ) as client:
            assert client.moderations.create(input="water").results

    def test_who_leaves_a_stream_of_pictures_ends_it_at_the_provider(
        self, openai_client: openai.OpenAI, penstock_simulator: SimulatorServer
    ) -> None:
        """FAILURES G13."""
        penstock_simulator.set_faults({"slow": 0.3})
        stream = openai_client.images.generate(
            model="sim/gpt-image-1", prompt="A dam", size="8x8", stream=True, partial_images=3
        )
        next(iter(stream))
        stream.close()
        penstock_simulator.wait(cancelled=1)
        penstock_simulator.set_faults()

    def test_a_large_file_is_held_by_no_gateway(self, stack: PenstockServer, openai_client: openai.OpenAI) -> None:
        """FAILURES G9."""
        workers = children(stack.pid, "gateway_worker")
        assert workers
        before = sum(worker.memory_info().rss for worker in workers)
        openai_client.files.create(file=("large.bin", bytes(48 * 1024 * 1024)), purpose="user_data")
        after = sum(psutil.Process(worker.pid).memory_info().rss for worker in workers)
        assert after - before < 24 * 1024 * 1024


class TestGoogle:
    def test_a_native_call_is_answered_recorded_and_priced(self, google_client: genai.Client, control: Control) -> None:
        answer = google_client.models.generate_content(model="gemini-2.5-flash", contents="What is a penstock?")
        assert answer.text
        assert answer.usage_metadata is not None
        assert answer.sdk_http_response is not None
        span = call_of(control, (answer.sdk_http_response.headers or {})["x-penstock-trace-id"])
        assert span["name"] == "POST /v1beta/models/{model}:generateContent"
        assert span["usage_input"] == answer.usage_metadata.prompt_token_count
        assert span["cost"]

    def test_a_stream_arrives_in_pieces(self, google_client: genai.Client) -> None:
        pieces = list(google_client.models.generate_content_stream(model="gemini-2.5-flash", contents="A dam?"))
        assert len(pieces) > 1
        assert "".join(piece.text or "" for piece in pieces)

    def test_tokens_are_counted_and_models_listed(self, google_client: genai.Client) -> None:
        counted = google_client.models.count_tokens(model="gemini-2.5-flash", contents="What is a penstock?")
        assert counted.total_tokens
        assert any("gemini" in (model.name or "") for model in google_client.models.list())

    def test_the_gateways_error_is_the_sdks_own_exception(self, stack: PenstockServer) -> None:
        with (
            genai.Client(api_key="psk_unknown", http_options=types.HttpOptions(base_url=stack.gateway_url)) as client,
            pytest.raises(genai.errors.ClientError, match="unknown or was revoked") as raised,
        ):
            client.models.generate_content(model="gemini-2.5-flash", contents="x")
        assert (raised.value.code, raised.value.status) == (401, "UNAUTHENTICATED")


class TestAnthropic:
    def test_a_native_path_serves_messages_as_messages(self, stack: PenstockServer, control: Control) -> None:
        url = f"{stack.gateway_url}/sim-anthropic"
        question: list[Any] = [{"role": "user", "content": "What is a penstock?"}]
        with anthropic.Anthropic(base_url=url, api_key=stack.admin_key, max_retries=0) as client:
            raw = client.messages.with_raw_response.create(model="claude-haiku-4-5", max_tokens=100, messages=question)
            assert raw.parse().content
            counted = client.messages.count_tokens(model="claude-haiku-4-5", messages=question)
            assert counted.input_tokens
            assert "claude-haiku-4-5" in " ".join(model.id for model in client.models.list())
        span = call_of(control, raw.headers["x-penstock-trace-id"])
        assert (span["operation"], span["provider"]) == ("messages", "sim-anthropic")
        assert span["cost"]


def test_a_key_for_some_models_uses_these_and_no_files(stack: PenstockServer, control: Control) -> None:
    """FAILURES G4."""
    secret = control.new_key("pictures only", models=["sim/gpt-image-1"])["secret"]

    def ask(method: str, path: str, **content: Any) -> int:
        headers = {"authorization": f"Bearer {secret}"}
        url = f"{stack.gateway_url}{path}"
        return httpx.request(method, url, headers=headers, trust_env=False, timeout=20, **content).status_code

    picture = {"model": "sim/gpt-image-1", "prompt": "x", "size": "8x8"}
    assert eventually(lambda: ask("POST", "/v1/images/generations", json=picture) == 200)
    assert ask("POST", "/v1/images/generations", json={**picture, "model": "sim/dall-e-3"}) == 403
    assert ask("GET", "/v1/files") == 403
    assert ask("POST", "/sim/v1/chat/completions", json={"model": "gpt-4o-mini", "messages": []}) in (400, 403)
