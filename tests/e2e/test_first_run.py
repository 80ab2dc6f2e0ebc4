"""`penstock up` on a machine that has never seen it, and again on the home it left."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from e2e_harness import Control, chat, eventually, files_holding, scrubbed_environment, text_of
from penstock.testing.server import PenstockServer

PENSTOCK = (sys.executable, "-m", "penstock.cli")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PenstockServer]:
    """The first start, with no configuration and no provider."""
    with PenstockServer(tmp_path_factory.mktemp("first")) as server:
        yield server


@pytest.fixture
def admin(first: PenstockServer) -> Control:
    return Control(first.console_url, first.admin_key)


def printed_curl(server: PenstockServer) -> str:
    """The command as it stands on the screen."""
    output = server.log.read_text()
    return output[output.index("curl ") :].split("\n\n", maxsplit=1)[0]


def refused(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """What `penstock` says on stderr when it cannot start; it must end with 2 by itself."""
    ran = subprocess.run(
        [*PENSTOCK, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        cwd=cwd,
        env=scrubbed_environment(**environment),
    )
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stderr.startswith("penstock: ")
    return ran.stderr


def test_the_ready_file_is_as_documented_and_for_its_owner_only(first: PenstockServer) -> None:
    content = json.loads(first.ready_file.read_bytes())
    assert sorted(content) == ["admin_key", "console_url", "gateway_url"]
    assert stat.S_IMODE(first.ready_file.stat().st_mode) == 0o600
    assert re.fullmatch(r"psk_[\w-]{40,}", content["admin_key"])
    for plane in ("gateway", "console"):
        assert httpx.get(f"{content[f'{plane}_url']}/readyz", trust_env=False).status_code == 200


def test_the_printed_curl_works_and_its_call_is_seen_within_2_seconds(first: PenstockServer, admin: Control) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    ran = subprocess.run(
        ["sh", "-c", printed_curl(first)], capture_output=True, check=True, timeout=20, env=scrubbed_environment()
    )
    answer = json.loads(ran.stdout)["choices"][0]["message"]["content"]
    assert answer

    def rows() -> list[Any]:
        return admin.ask("GET", "/traces", q="What is a penstock?")["items"]

    (row,) = eventually(rows)
    assert row["status"] == "ok"
    assert row["requested_model"] in printed_curl(first)
    assert row["usage"]["input"] > 0
    assert row["usage"]["output"] > 0
    assert row["usage"]["estimated"] is False
    assert row["cost"] > 0
    assert "What is a penstock?" in row["input_preview"]
    (span,) = admin.trace(row["trace_id"])["spans"]
    assert text_of(span["output"]) == answer


def test_the_models_of_the_simulator_are_listed_and_each_dialect_answers(first: PenstockServer) -> None:
    headers = {"authorization": f"Bearer {first.admin_key}"}
    listed = httpx.get(f"{first.gateway_url}/v1/models", headers=headers, trust_env=False).json()["data"]
    names = [model["id"] for model in listed]
    for part in ("gpt-4o-mini", "claude", "gemini-2.5-flash"):
        name = next(name for name in names if part in name)
        assert chat(first.gateway_url, first.admin_key, name).status_code == 200, name


def test_the_sign_in_link_works_once_and_not_twice(first: PenstockServer) -> None:
    link = re.search(r"http\S+/signin#token=(\S+)", first.log.read_text())
    assert link is not None
    with httpx.Client(base_url=first.console_url, trust_env=False) as browser:
        signed_in = browser.post("/api/v1/session", json={"token": link[1]})
        assert signed_in.status_code in (200, 201)
        assert signed_in.json()["role"] == "admin"
        assert browser.get("/api/v1/traces").status_code == 200
    with httpx.Client(base_url=first.console_url, trust_env=False) as another:
        again = another.post("/api/v1/session", json={"token": link[1]})
        assert (again.status_code, again.json()["code"]) == (401, "link_invalid")
        assert another.get("/api/v1/traces").status_code == 401


def test_a_secret_of_the_first_start_is_in_no_file_but_its_own(first: PenstockServer) -> None:
    chat(first.gateway_url, first.admin_key, "gpt-4o-mini")
    assert files_holding(first.home, first.admin_key) == {"admin.key"}
    assert stat.S_IMODE(first.home.stat().st_mode) == 0o700


def test_a_home_in_use_by_another_console_is_refused(first: PenstockServer) -> None:
    said = refused("up", "--home", first.home, "--gateway-port", "0", "--console-port", "0")
    assert f"Another Penstock console runs on the home {first.home}" in said
    assert "--home" in said
    assert chat(first.gateway_url, first.admin_key, "gpt-4o-mini").status_code == 200, "the other one is unharmed"


@pytest.mark.parametrize("plane", ["gateway", "console"])
def test_a_port_in_use_is_refused_with_its_number_and_its_option(
    first: PenstockServer, tmp_path: Path, plane: str
) -> None:
    port = urlsplit(first.ready[f"{plane}_url"]).port
    ports = {"gateway": "0", "console": "0", plane: str(port)}
    options = ("--gateway-port", ports["gateway"], "--console-port", ports["console"])
    said = refused("up", *options, cwd=tmp_path)
    assert f"The {plane}'s port {port} on 127.0.0.1 is in use." in said
    assert f"--{plane}-port" in said
    assert (tmp_path / ".penstock").is_dir(), "the default home is .penstock where one stands"


def test_the_home_is_taken_from_the_environment(first: PenstockServer, tmp_path: Path) -> None:
    assert "home" in refused("up", cwd=tmp_path, PENSTOCK_HOME=str(first.home))
    assert not (tmp_path / ".penstock").exists()


def test_a_home_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    if os.geteuid() == 0:
        # Root may write where permissions forbid it, but not on a read-only file system.
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", home], check=True)
    else:
        home.chmod(0o500)
    try:
        said = refused("up", "--home", home, "--gateway-port", "0", "--console-port", "0")
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", "-l", home], check=True)
        else:
            home.chmod(0o700)
    assert f"The home folder {home} cannot be written" in said
    assert "PENSTOCK_HOME" in said


def test_a_second_start_keeps_keys_and_data_and_mints_no_other_admin_key(tmp_path: Path) -> None:
    server = PenstockServer(tmp_path)
    try:
        server.start()
        admin_key = server.admin_key
        secret = Control(server.console_url, admin_key).new_key("kept")["secret"]
        made = eventually(lambda: (answer := chat(server.gateway_url, secret, "gpt-4o-mini")).is_success and answer)
        assert made
        processes = psutil.Process(server.pid).children(recursive=True)
        assert server.stop() == 0
        assert [process for process in processes if process.is_running()] == [], "nothing outlives it"
        assert not server.ready_file.exists()
        assert list((server.home / "journal").glob("*.open")) == [], "the journal is sealed"

        before = server.log.stat().st_size
        server.start()
        said = server.log.read_bytes()[before:].decode()
        assert server.admin_key == admin_key
        assert set(re.findall(r"psk_[\w-]{20,}", said)) <= {admin_key}
        assert "signin#token" not in said, "a sign-in link is minted by the first start alone"
        assert chat(server.gateway_url, secret, "gpt-4o-mini").status_code == 200
        control = Control(server.console_url, admin_key)
        control.trace(made.headers["x-penstock-trace-id"])
        assert "kept" in {key["name"] for key in control.ask("GET", "/keys")["items"]}
    finally:
        os.kill(server.pid, signal.SIGINT)
        assert server.stop() == 0, "Ctrl-C stops it as SIGTERM does"
