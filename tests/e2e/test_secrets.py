"""A stored secret on its way: from standard input to the provider it was saved for, and to nobody else."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from e2e_harness import Control, chat, eventually, files_holding, scrubbed_environment
from penstock.testing.server import PenstockServer
from penstock.testing.simulator import SimulatorServer

VALUE = "sk-proj-OnlyTheProviderSeesThis-123456"
CONFIG = """\
version: 1
providers:
  gpu: {{kind: openai, base_url: "{url}/v1", api_key: "secret:gpu", models: [gpt-4o-mini]}}
  header: {{kind: openai, base_url: "{url}/v1", headers: {{x-auth-token: "secret:gpu"}}, models: [gpt-4o-mini]}}
journal: {{segment_seconds: 200ms}}
"""


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, penstock_simulator_process: SimulatorServer
) -> Iterator[PenstockServer]:
    folder = tmp_path_factory.mktemp("secrets")
    config = folder / "penstock.yaml"
    config.write_text(CONFIG.format(url=penstock_simulator_process.url))
    with PenstockServer(folder, config=config) as running:
        yield running


def secrets(server: PenstockServer, *arguments: str, value: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "penstock.cli", "secrets", *arguments, "--home", str(server.home)]
    return subprocess.run(
        command, input=value, capture_output=True, text=True, check=False, timeout=30, env=scrubbed_environment()
    )


def test_a_secret_is_used_as_soon_as_it_is_set_through_a_rotation_and_for_its_own_address_only(
    server: PenstockServer, penstock_simulator_process: SimulatorServer
) -> None:
    """FAILURES G29, S24."""

    def status(model: str = "gpu/gpt-4o-mini") -> int:
        return chat(server.gateway_url, server.admin_key, model).status_code

    assert status() == 502, "it is not set yet"
    assert secrets(server, "set", "gpu", value=f"{VALUE}\n").returncode == 0
    assert eventually(lambda: status() == 200, seconds=5)
    assert status("header/gpt-4o-mini") == 200
    assert len(penstock_simulator_process.requests()) > 0
    assert secrets(server, "rotate").returncode == 0
    assert status() == 200
    elsewhere = secrets(server, "set", "gpu", "--for", "https://evil.example", value="sk-other")
    assert elsewhere.returncode == 1
    assert "would be saved for https://evil.example" in elsewhere.stderr

    config = server.home.parent / "penstock.yaml"
    good = config.read_text()
    config.write_text(good.replace("http://127.0.0.1", "http://localhost"))
    control = Control(server.console_url, server.admin_key)
    assert eventually(lambda: control.ask("GET", "/config")["error"], seconds=5)
    assert "saved for http://127.0.0.1" in control.ask("GET", "/config")["error"]["message"]
    assert status() == 200, "what was served goes on"
    config.write_text(good)
    assert eventually(lambda: control.ask("GET", "/config")["error"] is None, seconds=5)


def test_the_value_of_a_stored_secret_is_in_no_file(server: PenstockServer) -> None:
    assert secrets(server, "set", "gpu", value=VALUE).returncode == 0
    assert eventually(lambda: chat(server.gateway_url, server.admin_key, "gpu/gpt-4o-mini").status_code == 200)
    assert files_holding(server.home.parent, VALUE) == set()
