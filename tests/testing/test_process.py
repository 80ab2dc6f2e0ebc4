"""A child process that says in a file when it serves."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.core.errors import Unavailable
from penstock.testing.process import ReadyProcess

CHILD = """
import json, os, signal, sys, time
how, ready = sys.argv[1], sys.argv[sys.argv.index("--ready-file") + 1]
print("child says", how, flush=True)
if how == "dies":
    sys.exit(3)
if how == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
if how != "silent":
    with open(ready + ".new", "w") as file:
        json.dump({"url": "http://127.0.0.1:1", "pid": os.getpid(), "variable": os.environ.get("VARIABLE")}, file)
    os.rename(ready + ".new", ready)
while True:
    signal.pause()
"""


@pytest.fixture
def child(tmp_path):
    (tmp_path / "child_of_test.py").write_text(CHILD)

    def make(how: str, **more) -> ReadyProcess:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "VARIABLE": "x"}
        return ReadyProcess(["child_of_test", how], folder=tmp_path, environment=environment, **more)

    return make


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_serves_inside_its_block_and_is_gone_after_it(child):
    with child("serves") as process:
        assert process.ready["variable"] == "x"
        assert process.ready["pid"] == process.pid
        assert is_running(process.pid)
    assert not is_running(process.ready["pid"])
    with pytest.raises(Unavailable, match="not running"):
        _ = process.pid


def test_it_can_be_killed_and_started_again(child):
    process = child("serves")
    process.start()
    first = process.pid
    process.kill()
    assert not is_running(first)
    process.start()
    assert process.pid != first
    assert process.stop() == 0
    assert process.stop() is None


def test_a_child_that_dies_is_reported_with_its_output(child):
    with pytest.raises(Unavailable, match=r"(?s)exit code 3 before it served.*child says dies"):
        child("dies").start()


def test_a_child_that_never_serves_is_ended(child):
    process = child("silent", patience=0.3)
    with pytest.raises(Unavailable, match=r"did not serve within 0\.3 s"):
        process.start()
    assert process.stop() is None


def test_a_child_that_does_not_stop_is_killed(child):
    process = child("stubborn", patience=5)
    process.start()
    process._patience = 0.1
    with pytest.raises(Unavailable, match="did not stop"):
        process.stop()
    assert not is_running(process.ready["pid"])


def test_the_plugin_loads_nothing_heavy_when_pytest_starts():
    code = "import penstock.testing.plugin, sys; print(*sorted(m for m in sys.modules if m.startswith('penstock.')))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["penstock.testing", "penstock.testing.plugin"]


def test_users_find_the_fixtures_without_importing_anything(tmp_path: Path):
    (tmp_path / "test_it.py").write_text("def test_it(penstock_simulator): pass\n")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "--fixtures", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert "penstock_simulator" in ran.stdout
    assert "penstock_server" in ran.stdout
