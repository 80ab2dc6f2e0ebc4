"""`penstock doctor`: every finding, on real folders and real sockets."""

import os
import socket

import pytest

from penstock.cli import diagnosis
from penstock.cli.diagnosis import Target, diagnose
from penstock.core.clock import ManualClock, SystemClock
from penstock.core.home import Home
from penstock.wire.snapshot import Snapshot, encode_snapshot

HEALTH = "GET /healthz"
SYSTEM = "GET /api/v1/system"
CONFIG = "GET /api/v1/config"


@pytest.fixture
def home(tmp_path):
    place = Home(tmp_path / "home")
    place.create()
    place.snapshot.write_bytes(encode_snapshot(Snapshot(version=3, created=ManualClock().now() - 5_000_000)))
    return place


def free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return one.getsockname()[1], two.getsockname()[1]


def findings(home, **more):
    target = Target(home=home, clock=more.pop("clock", ManualClock()), ports=more.pop("ports", free_ports()), **more)
    found: dict[str, list] = {}
    for finding in diagnose(target):
        found.setdefault(finding.check, []).append(finding)
    return found


def running(canned, home):
    canned.respond(b"ok", to=HEALTH)
    canned.respond({"version": "9.9"}, to=SYSTEM)
    canned.respond({"file": None, "error": None}, to=CONFIG)
    for plane in ("gateway", "console"):
        (home.run / f"{plane}.url").write_text(canned.url)
    (home.path / "admin.key").write_text("psk_admin")


def test_a_running_installation_is_all_well(home, canned):
    running(canned, home)
    found = findings(home)
    assert {finding.status for group in found.values() for finding in group} == {"ok"}
    assert set(found) == {"home", "disk", "config", "snapshot", "journal", "gateway", "console"}
    assert found["snapshot"][0].message == "Version 3, 5.00 s old: 0 providers, 0 keys."
    assert "9.9" in found["console"][0].message


def test_a_home_that_does_not_exist_could_not_be_told(tmp_path):
    found = findings(Home(tmp_path / "none"))
    assert found["home"][0].status == "unknown"
    assert found["snapshot"][0].status == "unknown"
    assert found["disk"][0].status == "ok"


def test_a_home_open_to_others_is_a_warning(home):
    home.path.chmod(0o755)
    assert findings(home)["home"][0].status == "warning"


def test_a_home_that_cannot_be_written_has_failed(home, monkeypatch):
    def refuse(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(diagnosis.tempfile, "NamedTemporaryFile", refuse)
    finding = findings(home)["home"][0]
    assert finding.status == "failed"
    assert "Read-only file system" in finding.message


@pytest.mark.parametrize(("free", "status"), [(100 * 1024**2, "failed"), (1024**3, "warning"), (9 * 1024**3, "ok")])
def test_the_disk_is_judged_by_what_is_free(home, monkeypatch, free, status):
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr(diagnosis.shutil, "disk_usage", lambda path: usage)
    assert findings(home)["disk"][0].status == status


def test_a_wrong_configuration_names_the_line(home):
    home.config.write_text("version: 1\nprovidrs: {}\n")
    finding = findings(home)["config"][0]
    assert finding.status == "failed"
    assert "penstock.yaml:2" in finding.message
    assert "providers" in finding.message


def test_a_valid_configuration_is_counted_and_its_warnings_are_shown(home, monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    home.config.write_text("version: 1\nproviders:\n  openai:\n    api_key: env:NO_SUCH_KEY\n")
    found = findings(home)["config"]
    assert [finding.status for finding in found] == ["warning", "ok"]
    assert "NO_SUCH_KEY" in found[0].message
    assert "1 providers" in found[1].message


def test_a_named_configuration_that_is_missing_has_failed(home, tmp_path):
    assert findings(home, config=tmp_path / "none.yaml")["config"][0].status == "failed"


@pytest.mark.parametrize("content", [b"", b"{}", b'{"sha256": "0", "snapshot": {}}'])
def test_a_snapshot_that_cannot_be_trusted_has_failed(home, content):
    home.snapshot.write_bytes(content)
    assert findings(home)["snapshot"][0].status == "failed"


def test_a_snapshot_that_cannot_be_read_has_failed(home):
    home.snapshot.unlink()
    home.snapshot.mkdir()
    assert findings(home)["snapshot"][0].status == "failed"


def test_segments_that_wait_a_moment_are_well_and_those_that_wait_long_are_not(home):
    segment = home.journal / "000001-1-1.ndjson"
    segment.write_bytes(b"x" * 2048)
    clock = SystemClock()
    fresh = findings(home, clock=clock)["journal"][0]
    assert (fresh.status, fresh.message) == ("ok", "1 segments wait (2.0 KiB).")
    old = clock.now() // 1_000_000 - 120
    os.utime(segment, (old, old))
    stuck = findings(home, clock=clock)["journal"][0]
    assert stuck.status == "failed"
    assert "The oldest is 2m" in stuck.message


def test_quarantined_lines_are_a_warning(home):
    (home.quarantine / "000001-1-1.ndjson").write_text("{}")
    finding = findings(home)["journal"][0]
    assert finding.status == "warning"
    assert str(home.quarantine) in finding.hint


def test_nothing_running_could_not_be_told_and_the_ports_are_looked_at(home):
    found = findings(home)
    assert found["gateway"][0].status == "unknown"
    assert found["console"][0].status == "unknown"
    assert found["ports"][0].status == "ok"


def test_a_port_that_is_taken_has_failed(home):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        finding = findings(home, ports=(port, free_ports()[0]))["ports"][0]
    assert finding.status == "failed"
    assert str(port) in finding.message


def test_a_plane_that_does_not_answer_has_failed(home):
    url = f"http://127.0.0.1:{free_ports()[0]}"
    found = findings(home, console_url=url, gateway_url=url)
    assert found["gateway"][0].status == "failed"
    assert found["console"][0].status == "failed"


def test_something_else_on_the_port_has_failed(home, canned):
    canned.respond(b"", status=500)
    found = findings(home, console_url=canned.url, gateway_url=canned.url)
    assert "answered 500" in found["gateway"][0].message
    assert "answered 500" in found["console"][0].message


def test_a_console_that_refuses_the_key_has_failed(home, canned):
    running(canned, home)
    canned.respond({"detail": "The key is revoked."}, to=SYSTEM, status=401)
    finding = findings(home)["console"][0]
    assert finding.status == "failed"
    assert "The key is revoked." in finding.message


def test_a_console_of_another_shape_has_failed(home, canned):
    running(canned, home)
    canned.respond({"version": 7}, to=SYSTEM)
    assert findings(home)["console"][0].status == "failed"


def test_a_refused_reload_is_shown(home, canned):
    running(canned, home)
    canned.respond({"error": {"message": "penstock.yaml:3: no"}}, to=CONFIG)
    assert "penstock.yaml:3: no" in findings(home)["reload"][0].message


def test_the_exit_code_says_well_wrong_or_could_not_tell(penstock, home, canned, monkeypatch):
    place = ("--home", str(home.path))
    monkeypatch.setattr(diagnosis, "_ports", lambda target: iter(()))
    assert penstock("doctor", *place).code == 2
    running(canned, home)
    ran = penstock("doctor", *place)
    assert ran.code == 0
    assert "ok      home" in ran.out
    home.snapshot.write_bytes(b"{}")
    ran = penstock("doctor", *place)
    assert ran.code == 1
    assert "failed  snapshot" in ran.out
    assert "Restart the console" in ran.out


def test_findings_are_printed_as_json(penstock, home, canned):
    running(canned, home)
    ran = penstock("doctor", "--home", str(home.path), "--json")
    assert ran.data["checks"][0]["check"] == "home"
    assert ran.err == ""
