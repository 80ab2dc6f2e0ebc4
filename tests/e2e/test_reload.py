"""`penstock.yaml` is followed while Penstock runs, and a wrong one changes nothing."""

import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from e2e_harness import Control, chat, children, eventually
from penstock.testing.server import PenstockServer
from penstock.testing.simulator import SimulatorServer

SECONDS = 2.0
"""Within which a change of the file is in force."""
CONFIG = """\
version: 1
providers:
  sim:
    kind: openai
    base_url: {url}/v1
    models: [gpt-4o-mini]
  pausing:
    kind: openai
    base_url: {url}/v1
    headers: {{x-sim-fault: "gap=1200ms;gap_after=2"}}
aliases:
  fast: sim/gpt-4o-mini
"""
SERVED = ("fast", "sim/gpt-4o-mini")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, penstock_simulator_process: SimulatorServer) -> Path:
    path = tmp_path_factory.mktemp("reload") / "penstock.yaml"
    path.write_text(CONFIG.format(url=penstock_simulator_process.url))
    return path


@pytest.fixture(scope="module")
def server(config: Path) -> Iterator[PenstockServer]:
    with PenstockServer(config.parent, config=config) as running:
        yield running


@pytest.fixture
def admin(server: PenstockServer) -> Control:
    return Control(server.console_url, server.admin_key)


Status = Callable[[str], int]


@pytest.fixture
def status(server: PenstockServer) -> Status:
    return lambda model: chat(server.gateway_url, server.admin_key, model).status_code


@pytest.fixture
def edit(config: Path, admin: Control, status: Status) -> Iterator[Callable[[str], None]]:
    """Writes the file anew. After the test it is as it was, and in force."""
    before = config.read_text()

    def write(text: str) -> None:
        # As editors do: aside, and renamed into place.
        aside = config.with_suffix(".aside")
        aside.write_text(text)
        aside.rename(config)

    yield write
    write(before)

    def restored() -> bool:
        listed = [alias["name"] for alias in admin.ask("GET", "/models")["aliases"]]
        return admin.ask("GET", "/config")["error"] is None and listed == ["fast"]

    assert eventually(restored, seconds=5)
    assert eventually(lambda: status("fast") == 200)


def test_an_added_alias_is_live_within_2_seconds(
    server: PenstockServer, config: Path, admin: Control, status: Status, edit: Callable[[str], None]
) -> None:
    """FAILURES G21."""
    before = admin.ask("GET", "/config")
    assert status("brand-new") == 404
    edit(config.read_text() + "  brand-new: sim/gpt-4o-mini\n")
    assert eventually(lambda: status("brand-new") == 200, seconds=SECONDS)
    listed = httpx.get(
        f"{server.gateway_url}/v1/models", headers={"authorization": f"Bearer {server.admin_key}"}, trust_env=False
    ).json()["data"]
    assert "brand-new" in {model["id"] for model in listed}
    after = admin.ask("GET", "/config")
    assert after["snapshot_version"] == before["snapshot_version"] + 1
    assert after["loaded"] > before["loaded"]
    assert after["error"] is None
    ready = httpx.get(f"{server.gateway_url}/readyz", trust_env=False).json()
    assert ready["snapshot"] == after["snapshot_version"], "the gateway reports the version it serves"


def test_a_removed_alias_is_gone_and_a_call_in_flight_ends_on_what_it_started_with(
    server: PenstockServer, config: Path, status: Status, edit: Callable[[str], None]
) -> None:
    """FAILURES G21: deletes arrive too."""
    edit(config.read_text() + "  leaving: pausing/gpt-4o-mini\n")
    assert eventually(lambda: status("leaving") == 200, seconds=5)
    parts = urlsplit(server.gateway_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    body = {"model": "leaving", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
    connection.request(
        "POST", "/v1/chat/completions", json.dumps(body), {"authorization": f"Bearer {server.admin_key}"}
    )
    answer = connection.getresponse()
    assert answer.readline().startswith(b"data: ")
    edit(config.read_text().replace("  leaving: pausing/gpt-4o-mini\n", ""))
    assert eventually(lambda: status("leaving") == 404, seconds=SECONDS)
    assert answer.read().endswith(b"data: [DONE]\n\n")
    connection.close()


@pytest.mark.parametrize(
    ("wrong", "line", "field"),
    [
        ("  oops: [", None, None),
        ("  oops: simm/gpt-4o-mini\n", 13, "aliases.oops"),
        ("gatway: {drain: 1s}\n", 13, None),
        ("gateway:\n  drain: soon\n", 14, "gateway.drain"),
    ],
    ids=["syntax", "reference", "field", "value"],
)
def test_an_invalid_file_changes_nothing_and_says_where_it_is_wrong(
    server: PenstockServer,
    config: Path,
    admin: Control,
    status: Status,
    edit: Callable[[str], None],
    wrong: str,
    line: int | None,
    field: str | None,
) -> None:
    version = admin.ask("GET", "/config")["snapshot_version"]
    said = len(server.log.read_text())
    edit(config.read_text() + wrong)
    state: dict[str, Any] = {}

    def reported() -> bool:
        state.update(admin.ask("GET", "/config"))
        return state["error"] is not None

    assert eventually(reported, seconds=5)
    assert state["snapshot_version"] == version
    assert state["error"]["file"] == str(config)
    assert state["error"]["message"]
    if line is not None:
        assert (state["error"]["line"], state["error"]["field"]) == (line, field)
        assert f"{config}:{line}: {field or ''}" in server.log.read_text()[said:]
    assert [status(model) for model in SERVED] == [200, 200], "what was good goes on"
    assert "Nothing was changed." in server.log.read_text()[said:]


def test_a_console_that_restarts_on_an_invalid_file_serves_the_last_good_one(
    server: PenstockServer, config: Path, admin: Control, status: Status, edit: Callable[[str], None]
) -> None:
    edit(config.read_text() + "  broken: simm/gpt-4o-mini\n")
    assert eventually(lambda: admin.ask("GET", "/config")["error"] is not None, seconds=5)
    (console,) = children(server.pid, "console_process")
    console.kill()
    console.wait(10)

    def state() -> Any:
        try:
            return admin.ask("GET", "/config")
        except OSError:
            return None

    found = eventually(state, seconds=20)
    assert found["error"]["field"] == "aliases.broken"
    assert [status(model) for model in SERVED] == [200, 200]
    assert status("broken") == 404
