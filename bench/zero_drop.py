"""Calls that go on through every change of a running Penstock: how many fail. None may.

    python bench/zero_drop.py [--calls 100000] [--connections 32] [--workers 2]

Starts a Penstock in front of a simulator of its own, and calls it on connections that are kept alive, without a retry.
Meanwhile its configuration is edited, its workers are replaced, and the whole of it is taken over by another, in turns.
Prints JSON; exits with 1 when a call failed or a change was not made.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import aiohttp

from penstock.core.settings import process_environment
from penstock.testing.process import ReadyProcess
from penstock.testing.simulator import SimulatorServer

CONFIG = """\
version: 1
providers:
  sim: {{kind: openai, base_url: "{url}/v1", price_as: openai, models: [gpt-4o-mini]}}
aliases:
  fast: sim/gpt-4o-mini
  edit-{number}: sim/gpt-4o-mini
gateway: {{drain: 20s}}
"""
PAUSE = 2.0
"""Seconds between two changes."""
KINDS = ("configuration", "workers", "takeover")


class Stack:
    """A Penstock that is replaced again and again, by its home."""

    def __init__(self, folder: Path, simulator: str, *, workers: int) -> None:
        self.folder = folder
        self.simulator = simulator
        self.workers = workers
        self.config = folder / "penstock.yaml"
        self.edits = 0
        self.process: ReadyProcess | None = None
        self.generations = 0

    def edit(self) -> None:
        self.edits += 1
        aside = self.config.with_suffix(".aside")
        aside.write_text(CONFIG.format(url=self.simulator, number=self.edits))
        aside.rename(self.config)

    def start(self) -> None:
        """The first, or one that takes over from the one before."""
        self.generations += 1
        folder = self.folder / f"generation-{self.generations}"
        folder.mkdir()
        arguments = ["penstock.cli", "up", "--home", str(self.folder / "home"), "--config", str(self.config)]
        arguments += ["--workers", str(self.workers), "--quiet"]
        arguments += ["--replace"] if self.process else ["--gateway-port", "0", "--console-port", "0"]
        environment = {k: v for k, v in process_environment().items() if not k.startswith("PENSTOCK_")}
        new = ReadyProcess(arguments, folder=folder, environment=environment, patience=120)
        new.start()
        before, self.process = self.process, new
        if before is not None and before.stop() != 0:
            raise RuntimeError("the Penstock that was replaced did not end in order")

    async def replace_workers(self) -> None:
        command = ["-m", "penstock.cli", "workers", "replace", "--home", str(self.folder / "home")]
        process = await asyncio.create_subprocess_exec(sys.executable, *command, stderr=asyncio.subprocess.DEVNULL)
        if await process.wait() != 0:
            raise RuntimeError("the workers were not replaced")

    async def configured(self, client: aiohttp.ClientSession) -> None:
        """Edit the configuration, and wait until the gateway lists what is new in it."""
        self.edit()
        deadline = time.monotonic() + 20
        while True:
            async with client.get("/v1/models") as answer:
                if f"edit-{self.edits}" in await answer.text():
                    return
            if time.monotonic() > deadline:
                raise RuntimeError("the configuration was not taken up")
            await asyncio.sleep(0.1)


class Load:
    """Calls from several connections, until there were enough and the last change is over."""

    def __init__(self, client: aiohttp.ClientSession, calls: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self.slowest = 0.0
        self.changing = True
        self._client = client
        self._calls = calls

    @property
    def enough(self) -> bool:
        return self.outcomes.total() >= self._calls

    async def run(self, number: int) -> None:
        stream = number % 4 == 3
        body = {"model": "fast", "messages": [{"role": "user", "content": "What is a penstock?"}], "stream": stream}
        while self.changing or not self.enough:
            began = time.perf_counter()
            self.outcomes[await self._call(body, stream=stream)] += 1
            self.slowest = max(self.slowest, time.perf_counter() - began)

    async def _call(self, body: dict, *, stream: bool) -> str:
        try:
            async with self._client.post("/v1/chat/completions", json=body) as answer:
                content = await answer.read()
                if answer.status != 200:
                    return f"status {answer.status}: {content[:200].decode(errors='replace')}"
                whole = content.endswith(b"data: [DONE]\n\n") if stream else content.endswith(b"}")
                return "ok" if whole else "cut"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return f"{type(error).__name__}: {error}"


async def change(stack: Stack, client: aiohttp.ClientSession, load: Load, made: Counter[str]) -> None:
    """Change something every `PAUSE` seconds until there were enough calls; each kind at least once."""
    while not load.enough or len(made) < len(KINDS):
        kind = KINDS[made.total() % len(KINDS)]
        await asyncio.sleep(PAUSE)
        if kind == "configuration":
            await stack.configured(client)
        elif kind == "workers":
            await stack.replace_workers()
        else:
            await asyncio.to_thread(stack.start)
        made[kind] += 1


async def measure(stack: Stack, *, calls: int, connections: int) -> dict:
    assert stack.process is not None
    url, key = stack.process.ready["gateway_url"], stack.process.ready["admin_key"]
    # aiohttp sends a POST once, and so a connection that closes under it counts as a failure.
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
    headers = {"authorization": f"Bearer {key}"}
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(url, connector=connector, headers=headers, timeout=timeout) as client:
        load = Load(client, calls)
        began = time.perf_counter()
        problem = None
        async with asyncio.TaskGroup() as tasks:
            for number in range(connections):
                tasks.create_task(load.run(number))
            made: Counter[str] = Counter()
            try:
                await change(stack, client, load, made)
            except Exception as error:  # noqa: BLE001 - whatever it was is the result
                problem = f"{type(error).__name__}: {error}"
            finally:
                load.changing = False
        seconds = time.perf_counter() - began
    failed = {outcome: count for outcome, count in load.outcomes.most_common() if outcome != "ok"}
    return {
        "calls": load.outcomes.total(),
        "failed": sum(failed.values()),
        "failures": failed,
        "changes": dict(made),
        "problem": problem,
        "seconds": round(seconds, 1),
        "calls_per_second": round(load.outcomes.total() / seconds),
        "slowest_seconds": round(load.slowest, 3),
        "connections": connections,
        "workers": stack.workers,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="penstock-zero-drop-") as folder:
        path = Path(folder)
        (path / "simulator").mkdir()
        with SimulatorServer(path / "simulator") as simulator:
            stack = Stack(path, simulator.url, workers=options.workers)
            stack.edit()
            stack.start()
            try:
                result = asyncio.run(measure(stack, calls=options.calls, connections=options.connections))
            finally:
                if stack.process is not None:
                    stack.process.stop()
    sys.stdout.write(json.dumps(result, indent=2) + "\n")
    return 1 if result["failed"] or result["problem"] else 0


if __name__ == "__main__":
    sys.exit(main())
