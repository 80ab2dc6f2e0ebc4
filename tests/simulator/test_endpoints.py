"""What is no chat: images, audio, files, batches, moderations and reranking, through the vendor's own client."""

import base64
import io
import json
import wave

import openai
import pytest

from penstock.simulator.endpoints import shelf
from penstock.simulator.endpoints.images import png
from penstock.simulator.endpoints.shelf import Shelf, StoredFile


async def test_images_are_pictures_with_their_usage(openai_client):
    answer = await openai_client.images.generate(
        model="gpt-image-1", prompt="A quiet dam", n=2, quality="low", size="64x32"
    )
    first, second = (base64.b64decode(one.b64_json) for one in answer.data)
    assert first.startswith(b"\x89PNG")
    assert first != second
    assert int.from_bytes(first[16:20]) == 64
    assert int.from_bytes(first[20:24]) == 32
    assert answer.usage.output_tokens == 2 * 272
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


async def test_images_stream_with_usage_on_the_last_event(openai_client):
    stream = await openai_client.images.generate(
        model="gpt-image-1", prompt="A dam", stream=True, partial_images=2, size="8x8"
    )
    events = [event async for event in stream]
    assert [event.type.rpartition(".")[2] for event in events] == ["partial_image", "partial_image", "completed"]
    assert events[-1].usage.output_tokens == 1056


async def test_an_edit_counts_the_pictures_it_was_given(openai_client):
    answer = await openai_client.images.edit(
        model="gpt-image-1", image=("a.png", png("x", width=2, height=2)), prompt="Brighter", size="8x8"
    )
    assert answer.usage.input_tokens_details.image_tokens == 323


async def test_dall_e_answers_with_addresses_and_no_usage(openai_client):
    answer = await openai_client.images.generate(model="dall-e-2", prompt="A dam", size="8x8")
    assert answer.data[0].url.startswith("data:image/png;base64,")
    assert answer.usage is None


@pytest.mark.parametrize("fields", [{"n": 11}, {"size": "huge"}, {"prompt": 3}])
async def test_wrong_image_requests_are_refused_as_openai_does(sim, fields):
    status, _, body = await sim.post(
        "/v1/images/generations", {"prompt": "x", **fields}, content_type="application/json"
    )
    assert status == 400
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(("kind", "start"), [("mp3", b"\xff\xfb"), ("wav", b"RIFF"), ("pcm", b"\0\0")])
async def test_speech_is_audio_of_the_format_asked_for(openai_client, kind, start):
    answer = await openai_client.audio.speech.create(
        model="gpt-4o-mini-tts", voice="alloy", input="Open the gate. " * 5, response_format=kind
    )
    data = answer.read()
    assert data.startswith(start)
    assert len(data) > 10_000
    if kind == "wav":
        with wave.open(io.BytesIO(data)) as file:
            assert file.getnframes() / file.getframerate() == pytest.approx(75 / 15, abs=0.01)


async def test_a_format_that_is_not_spoken_is_refused(openai_client):
    with pytest.raises(openai.BadRequestError, match="opus"):
        await openai_client.audio.speech.create(model="tts-1", voice="alloy", input="x", response_format="opus")


async def test_transcriptions_tell_seconds_or_tokens_by_model(openai_client):
    speech = await openai_client.audio.speech.create(
        model="tts-1", voice="alloy", input="x" * 60, response_format="wav"
    )
    file = ("talk.wav", speech.read())
    whisper = await openai_client.audio.transcriptions.create(model="whisper-1", file=file)
    assert (whisper.usage.type, whisper.usage.seconds) == ("duration", 4)
    newer = await openai_client.audio.transcriptions.create(model="gpt-4o-transcribe", file=file)
    assert newer.usage.type == "tokens"
    assert newer.usage.input_tokens == 40
    text = await openai_client.audio.transcriptions.create(model="whisper-1", file=file, response_format="text")
    assert text.strip() == whisper.text
    spoken = await openai_client.audio.transcriptions.create(
        model="whisper-1", file=file, response_format="verbose_json"
    )
    assert spoken.duration == pytest.approx(4)


async def test_files_live_until_they_are_deleted(openai_client):
    data = bytes(range(256)) * 40
    made = await openai_client.files.create(file=("weights.bin", data), purpose="user_data")
    assert (made.bytes, made.filename) == (len(data), "weights.bin")
    assert (await openai_client.files.content(made.id)).read() == data
    assert [file.id async for file in openai_client.files.list()] == [made.id]
    assert (await openai_client.files.retrieve(made.id)).purpose == "user_data"
    assert (await openai_client.files.delete(made.id)).deleted
    with pytest.raises(openai.NotFoundError):
        await openai_client.files.retrieve(made.id)


async def test_a_batch_answers_each_line_as_a_request_of_its_own(openai_client):
    message = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}
    lines = [
        {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": message},
        {"custom_id": "b", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt-4o-mini"}},
    ]
    data = "\n".join(map(json.dumps, lines)).encode()
    file = await openai_client.files.create(file=("in.jsonl", data), purpose="batch")
    batch = await openai_client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    assert batch.status == "completed"
    assert (batch.request_counts.completed, batch.request_counts.failed) == (1, 1)
    assert (await openai_client.batches.retrieve(batch.id)).output_file_id == batch.output_file_id
    assert [one.id async for one in openai_client.batches.list()] == [batch.id]
    output = (await openai_client.files.content(batch.output_file_id)).text
    first, second = map(json.loads, output.splitlines())
    assert first["custom_id"] == "a"
    assert first["response"]["body"]["choices"]
    assert second["response"]["status_code"] == 400
    assert second["response"]["body"]["error"]
    with pytest.raises(openai.BadRequestError):
        await openai_client.batches.cancel(batch.id)


async def test_a_batch_of_embeddings_is_answered(openai_client):
    line = {"custom_id": "a", "body": {"model": "text-embedding-3-small", "input": "x", "dimensions": 4}}
    file = await openai_client.files.create(file=("in.jsonl", json.dumps(line).encode()), purpose="batch")
    batch = await openai_client.batches.create(
        input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h"
    )
    output = json.loads((await openai_client.files.content(batch.output_file_id)).text)
    assert len(output["response"]["body"]["data"][0]["embedding"]) == 4


@pytest.mark.parametrize("content", [b"", b"no json", b'{"custom_id": "a", "body": {}}'])
async def test_a_batch_that_cannot_be_run_is_refused(openai_client, content):
    file = await openai_client.files.create(file=("in.jsonl", content), purpose="batch")
    with pytest.raises(openai.BadRequestError):
        await openai_client.batches.create(input_file_id=file.id, endpoint="/v1/nothing", completion_window="24h")


async def test_an_unknown_batch_is_not_found(openai_client):
    with pytest.raises(openai.NotFoundError):
        await openai_client.batches.retrieve("batch_1")


async def test_moderation_flags_stated_words(openai_client):
    answer = await openai_client.moderations.create(input=["I will kill you", "Good morning"])
    assert [one.flagged for one in answer.results] == [True, False]
    mixed = await openai_client.moderations.create(input=[{"type": "text", "text": "you idiot"}])
    assert mixed.results[0].categories.harassment


async def test_rerank_puts_the_likest_text_first(sim):
    asked = {
        "query": "dam gates",
        "documents": ["cake recipe", {"text": "the dam gates open"}],
        "return_documents": True,
    }
    status, _, body = await sim.post("/v1/rerank", asked, content_type="application/json")
    answer = json.loads(body)
    assert status == 200
    assert answer["results"][0]["index"] == 1
    assert answer["results"][0]["document"] == {"text": "the dam gates open"}
    assert answer["usage"]["total_tokens"] > 0
    assert answer["meta"]["billed_units"]["search_units"] == 1
    status, _, _ = await sim.post("/v1/rerank", {"query": "x", "documents": []}, content_type="application/json")
    assert status == 400


async def test_azure_has_the_same_below_a_deployment(sim):
    client = openai.AsyncAzureOpenAI(
        azure_endpoint=sim.url, api_key="k", api_version="2024-10-21", azure_deployment="pictures", max_retries=0
    )
    async with client:
        answer = await client.images.generate(prompt="A dam", size="8x8")
        assert answer.data[0].b64_json
        assert [file async for file in client.files.list()] == []


@pytest.mark.parametrize("path", ["/v1/files", "/v1/images/edits", "/v1/audio/transcriptions"])
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nbroken"),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n--b--\r\n'),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\ny\r\n--b--\r\n',
        ),
    ],
)
async def test_forms_that_lack_something_are_refused(sim, path, kind, body):
    status, _, answer = await sim.post(path, body, content_type=kind)
    assert status == 400
    assert json.loads(answer)["error"]["message"]


async def test_faults_befall_these_endpoints_too(sim):
    asked = {"prompt": "x", "size": "8x8"}
    status, _, _ = await sim.post(
        "/v1/images/generations", asked, content_type="application/json", x_sim_fault="status=503"
    )
    assert status == 503


async def test_a_reset_forgets_files(serve, openai_client, sim):
    await openai_client.files.create(file=("a", b"x"), purpose="batch")
    sim.simulator.reset()
    assert [file async for file in openai_client.files.list()] == []


def test_the_oldest_files_make_room(monkeypatch):
    monkeypatch.setattr(shelf, "MAX_BYTES", 10)
    monkeypatch.setattr(shelf, "MAX_OBJECTS", 3)
    stored = Shelf()
    for number in range(5):
        stored.put(StoredFile(id=str(number), filename="", purpose="", created=0, data=b"four"))
        stored.put_batch({"id": str(number)})
    assert [file.id for file in stored.files()] == ["4", "3"]
    assert [batch["id"] for batch in stored.batches()] == ["4", "3", "2"]
