"""A simulator served in the test's own event loop, and clients of it."""

import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
import anthropic
import openai
import pytest
from google import genai
from google.genai import types as gemini_types

from penstock.simulator import Simulator, SimulatorConfig, running


class Served:
    """A running simulator and what tests ask of it."""

    def __init__(self, url: str, simulator: Simulator, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.simulator = simulator
        self.session = session

    async def post(self, path: str, body: object, **headers: str) -> tuple[int, aiohttp.typedefs.LooseHeaders, bytes]:
        data = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.post(self.url + path, data=data, headers=names) as response:
            return response.status, response.headers, await response.read()

    async def get(self, path: str, **headers: str) -> tuple[int, dict]:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.get(self.url + path, headers=names) as response:
            return response.status, json.loads(await response.read())

    async def chat(self, text: str = "What is a penstock?", *, fault: str | None = None, **fields: object) -> bytes:
        """The body of a chat answer of OpenAI's."""
        headers = {"x-sim-fault": fault} if fault else {}
        body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], **fields}
        return (await self.post("/v1/chat/completions", body, **headers))[2]


Serve = Callable[..., Awaitable[Served]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    async with AsyncExitStack() as stack:

        async def start(config: SimulatorConfig | None = None, **parts: object) -> Served:
            simulator = Simulator(config, **parts)
            url = await stack.enter_async_context(running(simulator))
            session = await stack.enter_async_context(aiohttp.ClientSession())
            return Served(url, simulator, session)

        yield start


@pytest.fixture
async def sim(serve: Serve) -> Served:
    return await serve()


@pytest.fixture
async def openai_client(sim: Served) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{sim.url}/v1", api_key="sk-test", max_retries=0) as client:
        yield client


@pytest.fixture
async def anthropic_client(sim: Served) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=sim.url, api_key="sk-ant-test", max_retries=0) as client:
        yield client


@pytest.fixture
async def gemini_client(sim: Served) -> AsyncIterator[genai.Client]:
    client = genai.Client(api_key="test", http_options=gemini_types.HttpOptions(base_url=sim.url))
    yield client
    await client.aio.aclose()
    client.close()
