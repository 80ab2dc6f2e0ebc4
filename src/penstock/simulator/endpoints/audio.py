"""`/v1/audio/*`: silence as speech, and words for what is sent."""

import io
import wave
from typing import Final

import msgspec

from penstock.core.errors import InvalidInput
from penstock.simulator.endpoints.types import Asked, Reply, encode, read_form, read_json
from penstock.simulator.tokens import count_tokens

__all__ = ["speech", "transcribe"]

RATE: Final = 24_000
"""Samples per second of PCM and WAV, as OpenAI's."""
CHARACTERS_PER_SECOND: Final = 15
BYTES_PER_SECOND: Final = 16_000
"""Of audio that is sent, where its format does not tell: 128 kbit/s."""
TOKENS_PER_SECOND: Final = 10
MAX_CHARACTERS: Final = 4096
MP3_FRAME: Final = b"\xff\xfb\x90\x64" + bytes(413)
"""One frame of silence: MPEG-1 layer III, 128 kbit/s, 44.1 kHz; 26 ms."""
WORDS: Final = [
    "The",
    "gate",
    "is",
    "open",
    "and",
    "the",
    "water",
    "runs",
    "down",
    "the",
    "penstock",
    "to",
    "the",
    "turbine",
    ".",
]


class _Speech(msgspec.Struct):
    input: str
    model: str = "gpt-4o-mini-tts"
    voice: str = "alloy"
    response_format: str = "mp3"


def speech(asked: Asked) -> Reply:
    """`POST /v1/audio/speech`: silence for as long as the text would take to say."""
    request = read_json(asked, _Speech)
    if not 0 < len(request.input) <= MAX_CHARACTERS:
        raise InvalidInput(f"Expected 'input' of 1 to {MAX_CHARACTERS} characters.", field="input")
    seconds = len(request.input) / CHARACTERS_PER_SECOND
    samples = bytes(2 * int(RATE * seconds))
    match request.response_format:
        case "mp3":
            return Reply(body=MP3_FRAME * max(1, round(seconds / 0.026)), content_type="audio/mpeg")
        case "pcm":
            return Reply(body=samples, content_type="audio/pcm")
        case "wav":
            return Reply(body=_wav(samples), content_type="audio/wav")
        case other:
            raise InvalidInput(f"The simulator speaks mp3, wav and pcm, not {other!r}.", field="response_format")


def transcribe(asked: Asked) -> Reply:
    """`POST /v1/audio/transcriptions` and `/translations`, from a form with `file` and `model`."""
    form = read_form(asked)
    file, model = form.get("file"), form.get("model")
    if file is None or file.filename is None:
        raise InvalidInput("Missing required parameter: 'file'.", field="file")
    if model is None:
        raise InvalidInput("You must provide a model parameter.", field="model")
    seconds = _seconds(file.data)
    count = max(1, round(seconds * 2.5))
    text = " ".join(WORDS[number % len(WORDS)] for number in range(count))
    kind = form["response_format"].text if "response_format" in form else "json"
    if kind == "text":
        return Reply(body=text.encode() + b"\n", content_type="text/plain; charset=utf-8")
    if model.text.startswith("whisper"):
        usage: dict[str, object] = {"type": "duration", "seconds": max(1, round(seconds))}
    else:
        given, made = max(1, round(seconds * TOKENS_PER_SECOND)), count_tokens(text)
        usage = {
            "type": "tokens",
            "input_tokens": given,
            "input_token_details": {"text_tokens": 0, "audio_tokens": given},
            "output_tokens": made,
            "total_tokens": given + made,
        }
    if kind == "verbose_json":
        return encode({"task": "transcribe", "language": "english", "duration": seconds, "text": text, "usage": usage})
    if kind != "json":
        raise InvalidInput(f"The simulator answers json, verbose_json and text, not {kind!r}.", field="response_format")
    return encode({"text": text, "usage": usage})


def _wav(samples: bytes) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples)
    return out.getvalue()


def _seconds(data: bytes) -> float:
    """How long audio is, exactly for WAV and by its size for the rest."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            return file.getnframes() / (file.getframerate() or 1)
    except (wave.Error, EOFError):
        return len(data) / BYTES_PER_SECOND
