"""The gateways that are measured: how each is installed, started, and asked.

Peers are installed from PyPI and npm into `.bench/` on first use and run with the least work that
still passes a call on: no database, no logging to disk. Penstock runs with everything on.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".bench"
UPSTREAM_PORT = 9100
UPSTREAM = f"http://127.0.0.1:{UPSTREAM_PORT}/v1"
START_SECONDS = 90.0
MODEL = "gpt-4o-mini"


class CannotRun(Exception):
    """A contestant cannot be installed or started here; the reason is shown in the table."""


@dataclass
class Running:
    """A started gateway."""

    name: str
    url: str
    """Of chat completions."""
    model: str
    headers: dict[str, str]
    processes: list[psutil.Process]
    """Those that serve calls, to be pinned and weighed."""
    others: list[psutil.Process] = field(default_factory=list)
    """Those beside them (console, supervisor)."""
    start_seconds: float = 0.0

    def pin(self, serving: int, rest: int) -> None:
        for process in self.processes:
            _pin(process, serving)
        for process in self.others:
            _pin(process, rest)

    def rss(self) -> int:
        """Bytes of resident memory of the serving processes."""
        return sum(process.memory_info().rss for process in self.processes)

    def cpu(self) -> float:
        """CPU seconds that the serving processes have used."""
        return sum(sum(process.cpu_times()[:2]) for process in self.processes)


def _pin(process: psutil.Process, core: int) -> None:
    for thread in process.threads():
        os.sched_setaffinity(thread.id, {core})


@contextmanager
def upstream(core: int) -> Iterator[None]:
    """The canned provider."""
    with spawned([sys.executable, str(ROOT / "bench" / "upstream.py"), "--port", str(UPSTREAM_PORT)]) as process:
        _pin(process, core)
        wait_for(UPSTREAM + "/chat/completions", {})
        yield


@contextmanager
def spawned(command: list[str], **options: object) -> Iterator[psutil.Process]:
    log = CACHE / "logs" / f"{Path(command[0]).name}-{secrets.token_hex(3)}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, **options)  # type: ignore[call-overload]
    try:
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(url: str, headers: dict[str, str], *, model: str = MODEL, seconds: float = START_SECONDS) -> float:
    """Ask until a call succeeds; the seconds that took."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "ready?"}]})
    began = time.perf_counter()
    command = [
        "curl",
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "-H",
        "content-type: application/json",
        "-d",
        body,
    ]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    while time.perf_counter() - began < seconds:
        if subprocess.run([*command, url], capture_output=True, text=True, check=False).stdout == "200":
            return time.perf_counter() - began
        time.sleep(0.05)
    raise CannotRun(f"no answer from {url} within {seconds:.0f} s")


PENSTOCK_CONFIG = f"""\
version: 1
providers:
  bench: {{kind: openai, base_url: "{UPSTREAM}", price_as: openai, models: [{MODEL}]}}
"""


@contextmanager
def penstock(
    config: str = PENSTOCK_CONFIG, *, name: str = "Penstock", model: str = f"bench/{MODEL}"
) -> Iterator[Running]:
    """Both planes: authentication, pricing, durable journal and ingestion on."""
    home = CACHE / "home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / "penstock.yaml").write_text(config)
    ready = home / "ready.json"
    command = [str(Path(sys.executable).parent / "penstock"), "up", "--home", str(home), "--ready-file", str(ready)]
    began = time.perf_counter()
    with spawned([*command, "--gateway-port", "0", "--console-port", "0"]) as supervisor:
        while not ready.exists():
            if time.perf_counter() - began > START_SECONDS or not supervisor.is_running():
                raise CannotRun("penstock up did not become ready")
            time.sleep(0.01)
        elapsed = time.perf_counter() - began
        facts = json.loads(ready.read_text())
        children = supervisor.children(recursive=True)
        workers = [child for child in children if "penstock.server.gateway_worker" in child.cmdline()]
        yield Running(
            name=name,
            url=facts["gateway_url"] + "/v1/chat/completions",
            model=model,
            headers={"authorization": f"Bearer {facts['admin_key']}"},
            processes=workers,
            others=[supervisor, *(child for child in children if child not in workers)],
            start_seconds=elapsed,
        )


BARE = """
import aiohttp
session = None
async def app(scope, receive, send):
    global session
    if session is None:
        session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=0))
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = {"content-type": "application/json"}
    async with session.post("UPSTREAM/chat/completions", data=body, headers=headers) as answer:
        head = [(b"content-type", answer.headers["content-type"].encode())]
        if b'"stream":true' in body:
            await send({"type": "http.response.start", "status": answer.status, "headers": head})
            while data := await answer.content.readany():
                await send({"type": "http.response.body", "body": data, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        else:
            data = await answer.read()
            head.append((b"content-length", str(len(data)).encode()))
            await send({"type": "http.response.start", "status": answer.status, "headers": head})
            await send({"type": "http.response.body", "body": data})
"""


@contextmanager
def bare_proxy() -> Iterator[Running]:
    """The least that uvicorn and aiohttp can do: no authentication, no record."""
    folder = CACHE / "bare"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bare.py").write_text(BARE.replace("UPSTREAM", UPSTREAM))
    command = [sys.executable, "-m", "uvicorn", "bare:app", "--app-dir", str(folder), "--port", "9101"]
    with spawned([*command, "--no-access-log", "--log-level", "warning", "--lifespan", "off"]) as process:
        url = "http://127.0.0.1:9101/v1/chat/completions"
        elapsed = wait_for(url, {})
        yield Running("Bare proxy (uvicorn + aiohttp)", url, MODEL, {}, [process], start_seconds=elapsed)


TENSORZERO_CONFIG = f"""
[gateway]
observability.enabled = false
[models.bench]
routing = ["upstream"]
[models.bench.providers.upstream]
type = "openai"
model_name = "{MODEL}"
api_base = "{UPSTREAM}/"
api_key_location = "none"
"""

TENSORZERO_SERVER = """
import sys, time, openai, tensorzero
client = tensorzero.patch_openai_client(openai.OpenAI(api_key="none"), config_file=sys.argv[1], async_setup=False)
open(sys.argv[2], "w").write(str(client.base_url))
while True:
    time.sleep(1)
"""


@contextmanager
def tensorzero() -> Iterator[Running]:
    """Its records off: it has no store on one machine without ClickHouse or PostgreSQL."""
    python = _venv("tensorzero", "tensorzero", "openai")
    folder = CACHE / "tensorzero-run"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tensorzero.toml").write_text(TENSORZERO_CONFIG)
    (folder / "serve.py").write_text(TENSORZERO_SERVER)
    place = folder / "url"
    place.unlink(missing_ok=True)
    with spawned([str(python), str(folder / "serve.py"), str(folder / "tensorzero.toml"), str(place)]) as process:
        began = time.perf_counter()
        while not (place.exists() and place.read_text()):
            if time.perf_counter() - began > START_SECONDS:
                raise CannotRun("it did not start")
            time.sleep(0.05)
        url = place.read_text() + "chat/completions"
        model = "tensorzero::model_name::bench"
        wait_for(url, {}, model=model)
        elapsed = time.perf_counter() - began
        yield Running("TensorZero (records off)", url, model, {}, [process], start_seconds=elapsed)


@contextmanager
def portkey() -> Iterator[Running]:
    folder = CACHE / "portkey"
    server = folder / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    if not server.exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        _run(["npm", "install", "--no-audit", "--no-fund", "@portkey-ai/gateway"], folder)
    headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": UPSTREAM, "authorization": "Bearer none"}
    environment = {**os.environ, "NODE_ENV": "production"}
    with spawned(["node", str(server), "--port=9102", "--headless"], cwd=folder, env=environment) as process:
        url = "http://127.0.0.1:9102/v1/chat/completions"
        elapsed = wait_for(url, headers)
        yield Running("Portkey", url, MODEL, headers, [process], start_seconds=elapsed)


LITELLM_KEY = "sk-bench-0123456789abcdef"  # it refuses to start without one


@contextmanager
def litellm() -> Iterator[Running]:
    python = _venv("litellm", "litellm[proxy]")
    folder = CACHE / "litellm-run"
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "model_list": [
            {
                "model_name": MODEL,
                "litellm_params": {"model": f"openai/{MODEL}", "api_base": UPSTREAM, "api_key": "none"},
            }
        ],
        "litellm_settings": {"telemetry": False},
    }
    (folder / "config.yaml").write_text(json.dumps(config))
    environment = {
        **os.environ,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        "LITELLM_MASTER_KEY": LITELLM_KEY,
    }
    command = [
        str(python.parent / "litellm"),
        "--config",
        str(folder / "config.yaml"),
        "--port",
        "9103",
        "--num_workers",
        "1",
    ]
    with spawned(command, env=environment, cwd=folder) as process:
        url = "http://127.0.0.1:9103/v1/chat/completions"
        headers = {"authorization": f"Bearer {LITELLM_KEY}"}
        elapsed = wait_for(url, headers)
        processes = [process, *process.children(recursive=True)]
        yield Running("LiteLLM", url, MODEL, headers, processes, start_seconds=elapsed)


def _venv(name: str, *packages: str) -> Path:
    python = CACHE / name / "bin" / "python"
    if not python.exists():
        _run([sys.executable, "-m", "venv", str(CACHE / name)], ROOT)
        _run([str(python), "-m", "pip", "install", "-q", *packages], ROOT)
    return python


def _run(command: list[str], folder: Path) -> None:
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise CannotRun(f"{' '.join(command[:3])} failed: {ended.stderr.strip().splitlines()[-1:]}")


CONTESTANTS = {
    "penstock": penstock,
    "tensorzero": tensorzero,
    "bare": bare_proxy,
    "portkey": portkey,
    "litellm": litellm,
}
