"""Wheel and sdist, built and installed as a stranger would, on a machine without Node."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("sh", "env", "uname", "dirname", "readlink", "sed", "tar", "gzip", "gcc", "cc")

# Built once: the test is one long story.
pytestmark = pytest.mark.slow


def sources() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    """Variables of a machine that has no Node, and nothing of ours installed."""
    programs = tmp_path_factory.mktemp("bin")
    for name in PROGRAMS:
        found = shutil.which(name)
        if found:
            (programs / name).symlink_to(found)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COV", "PYTEST", "PENSTOCK", "VIRTUAL_ENV"))
    }
    return {**kept, "PATH": str(programs)}


@pytest.fixture(scope="module")
def built(tmp_path_factory, environment) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    if not (ROOT / "console" / "package-lock.json").is_file():
        pytest.skip("the console's sources are not here")
    tree = tmp_path_factory.mktemp("tree")
    for name in sources():
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    made = tmp_path_factory.mktemp("dist")
    assert shutil.which("node", path=environment["PATH"]) is None
    run(sys.executable, "-m", "build", "--installer", "uv", "--outdir", str(made), str(tree), environment=environment)
    assert not (tree / "src/penstock/server/static").exists()
    return made


def run(*command: str, environment: dict[str, str], cwd: Path | None = None) -> str:
    ran = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{' '.join(command)}\n{ran.stdout[-4000:]}\n{ran.stderr[-4000:]}"
    return ran.stdout


def install(folder: Path, requirement: str, environment: dict[str, str], *options: str) -> Path:
    run(sys.executable, "-m", "uv", "venv", "--quiet", "--python", sys.executable, str(folder), environment=environment)
    python = folder / "bin" / "python"
    command = (sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python), *options)
    run(*command, requirement, environment=environment)
    return python


def test_the_sdist_holds_sources_only(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"console/package.json", "console/package-lock.json", "hatch_build.py", "LICENSE", "README.md"} <= names
    assert {"src/penstock/py.typed", "ARCHITECTURE.md"} <= names
    assert not [
        name
        for name in names
        if "node_modules" in name or "/static/" in name or (name.startswith(".") and name != ".gitignore")
    ]


def test_the_wheel_holds_the_built_console_and_the_migrations(built):
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
    assert "penstock/server/static/index.html" in names
    assert any(name.startswith("penstock/server/static/assets/") and name.endswith(".js") for name in names)
    assert "penstock/py.typed" in names
    assert any(name.startswith("penstock/store/metadata/migrations/versions/") for name in names)
    assert not [name for name in names if name.startswith(("console/", "tests/"))]
    assert path.stat().st_size < 20 * 1024 * 1024


def test_the_light_install_has_the_sdk_and_says_what_the_server_needs(built, tmp_path, environment):
    (wheel,) = built.glob("*.whl")
    python = install(tmp_path / "light", str(wheel), environment, "--compile-bytecode")
    code = (
        "import json, sys, time\n"
        "started = time.process_time()\nimport penstock\nspent = time.process_time() - started\n"
        "with penstock.context(session='s'):\n    headers = penstock.headers()\n"
        "print(json.dumps({'spent': spent, 'headers': headers, 'file': penstock.__file__}))"
    )
    found = json.loads(run(str(python), "-c", code, environment=environment, cwd=tmp_path))
    assert found["spent"] < 0.150
    assert found["headers"] == {"x-penstock-session": "s"}
    assert str(tmp_path) in found["file"]
    ran = subprocess.run(
        [str(python.parent / "penstock"), "up"], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert "pip install 'penstock[server]'" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_server_install_starts_and_serves_its_console(built, tmp_path, environment):
    (wheel,) = built.glob("*.whl")
    python = install(tmp_path / "server", f"{wheel}[server]", environment)
    code = (
        "import pathlib, urllib.request\n"
        "from penstock.testing.server import PenstockServer\n"
        "with PenstockServer(pathlib.Path('.'), patience=60) as server:\n"
        "    print(urllib.request.urlopen(server.console_url + '/').read().decode())\n"
        "    print(urllib.request.urlopen(server.gateway_url + '/readyz').read().decode())\n"
    )
    out = run(str(python), "-c", code, environment=environment, cwd=tmp_path)
    assert "<div id=" in out
    assert '"ready"' in out
