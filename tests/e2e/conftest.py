"""A whole Penstock in front of the simulator, which each test may make misbehave."""

import re
import shutil
from collections.abc import Iterator

import anthropic
import openai
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from e2e_harness import Control
from penstock.testing.server import PenstockServer
from penstock.testing.simulator import SimulatorServer


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kill-rows", type=int, default=200, help="Rows of the experiment that is killed ten times.")


CONFIG = """\
version: 1
providers:
  sim:
    kind: openai
    base_url: {url}/v1
    api_key: env:SIM_KEY
    price_as: openai
    models: [gpt-4o-mini, o4-mini, text-embedding-3-small]
    timeouts: {{connect: 2s, first_byte: 2s, gap: 2s, total: 30s}}
  sim-anthropic:
    kind: anthropic
    base_url: {url}/v1
    api_key: env:SIM_KEY
    price_as: anthropic
    models: [claude-sonnet-4-5]
    timeouts: {{connect: 2s, first_byte: 2s, gap: 2s, total: 30s}}
  sim-gemini:
    kind: gemini
    base_url: {url}/v1beta
    api_key: env:SIM_KEY
    price_as: google
    models: [gemini-2.5-flash, gemini-embedding-001]
    timeouts: {{connect: 2s, first_byte: 2s, gap: 2s, total: 30s}}
  nowhere:
    kind: openai
    base_url: http://127.0.0.1:9/v1
    models: [gpt-4o-mini]
aliases:
  fast: sim/gpt-4o-mini
  careful:
    targets: [nowhere/gpt-4o-mini, sim-anthropic/claude-sonnet-4-5]
gateway:
  keepalive: 300ms
  drain: 5s
"""

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""Of those that are here the first one is driven: without a window's machinery the same engine takes half the time."""
CHROMIUM = next((found for name in BROWSERS if (found := shutil.which(name))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Milliseconds: a browser draws late where others want the cores too.
expect.set_options(timeout=20_000)

UPSTREAMS = {
    "openai": "sim/gpt-4o-mini",
    "anthropic": "sim-anthropic/claude-sonnet-4-5",
    "gemini": "sim-gemini/gemini-2.5-flash",
}


@pytest.fixture(autouse=True)
def no_faults_left(request: pytest.FixtureRequest) -> None:
    """The simulator of the session misbehaves for no test but the one that asked for it."""
    if "penstock_simulator_process" in request.fixturenames:
        request.getfixturevalue("penstock_simulator_process").reset()


@pytest.fixture(scope="session")
def stack(
    penstock_simulator_process: SimulatorServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PenstockServer]:
    """Both planes on free ports; the simulator speaks all three upstream dialects."""
    folder = tmp_path_factory.mktemp("stack")
    config = folder / "penstock.yaml"
    config.write_text(CONFIG.format(url=penstock_simulator_process.url))
    with PenstockServer(folder, config=config, environment={"SIM_KEY": "provider-secret"}) as server:
        yield server


@pytest.fixture(params=UPSTREAMS)
def upstream(request: pytest.FixtureRequest) -> str:
    """Which dialect the provider behind the gateway speaks."""
    return str(request.param)


@pytest.fixture
def model(upstream: str) -> str:
    return UPSTREAMS[upstream]


@pytest.fixture
def openai_client(stack: PenstockServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{stack.gateway_url}/v1", api_key=stack.admin_key, max_retries=0) as client:
        yield client


@pytest.fixture
def anthropic_client(stack: PenstockServer) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=stack.gateway_url, api_key=stack.admin_key, max_retries=0) as client:
        yield client


@pytest.fixture
def control(stack: PenstockServer) -> Control:
    return Control(stack.console_url, stack.admin_key)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium-headless-shell")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, stack: PenstockServer, control: Control) -> Iterator[Page]:
    """A signed-in page; what its console logged as an error fails the test."""
    context = browser.new_context(base_url=stack.console_url, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(control.ask("POST", "/signin-links", {"role": "admin", "name": "Robin"})["url"])
    expect(page).to_have_url(re.compile("/overview"))
    yield page
    context.close()
    assert errors == []
