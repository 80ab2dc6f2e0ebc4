"""A provider that costs next to nothing: the far end of a throughput benchmark.

It speaks just enough HTTP/1.1 to answer any POST with one canned chat completion, or, when the
body asks for a stream, with a canned stream of `--chunks` content chunks, each its own write. Being
one small protocol class on uvloop it serves many times what any gateway in front of it can pass on.

    python bench/upstream.py --port 9100 [--chunks 60] [--chunk-interval 0]
"""

import argparse
import asyncio
import json
from typing import ClassVar

import uvloop

COMPLETION = json.dumps(
    {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "A penstock carries water to a turbine. " * 12,
                    "refusal": None,
                },
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 230,
            "completion_tokens": 96,
            "total_tokens": 326,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
        "service_tier": "default",
        "system_fingerprint": "fp_bench",
    },
).encode()
WHOLE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(COMPLETION)
) + COMPLETION
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _event(payload: dict | str) -> bytes:
    text = payload if isinstance(payload, str) else json.dumps(payload)
    data = b"data: " + text.encode() + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(data), data)


def _chunk(delta: dict, finish: str | None = None, **more: object) -> dict:
    return {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
        **more,
    }


def stream_events(chunks: int) -> list[bytes]:
    """The writes of one stream: opener, `chunks` deltas, finish, usage, end marker."""
    usage = {
        "prompt_tokens": 230,
        "completion_tokens": chunks,
        "total_tokens": 230 + chunks,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    last = {**_chunk({}), "choices": [], "usage": usage}
    return [
        _event(_chunk({"role": "assistant", "content": ""})),
        *(_event(_chunk({"content": f" word{number}"})) for number in range(chunks)),
        _event(_chunk({}, "stop")),
        _event(last),
        _event("[DONE]") + b"0\r\n\r\n",
    ]


class Upstream(asyncio.Protocol):
    """One connection; requests are answered in turn."""

    events: ClassVar[list[bytes]] = []
    interval: float = 0.0

    def __init__(self) -> None:
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            head, mark, rest = self.buffer.partition(b"\r\n\r\n")
            if not mark:
                return
            lower = head.lower()
            at = lower.find(b"content-length:")
            length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(rest) < length:
                return
            body, self.buffer = rest[:length], rest[length:]
            if b'"stream":true' in body or b'"stream": true' in body:
                self.transport.write(STREAM_HEAD)
                self.step(0)
            else:
                self.transport.write(WHOLE)

    def step(self, position: int) -> None:
        """Write one event, then let the loop turn, so that each is a packet of its own."""
        if self.transport.is_closing():
            return
        self.transport.write(self.events[position])
        if position + 1 == len(self.events):
            return
        if self.interval:
            self.loop.call_later(self.interval, self.step, position + 1)
        else:
            self.loop.call_soon(self.step, position + 1)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=9100)
    parser.add_argument("--chunks", type=int, default=60)
    parser.add_argument("--chunk-interval", type=float, default=0.0, help="seconds between chunks")
    options = parser.parse_args()
    Upstream.events = stream_events(options.chunks)
    Upstream.interval = options.chunk_interval
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", options.port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
