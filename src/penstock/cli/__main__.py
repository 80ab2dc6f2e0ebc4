"""The `penstock` program, also as `python -m penstock.cli`."""

import sys

from penstock.core.errors import MissingExtra

__all__ = ["run"]


def run() -> None:
    """Run one command; where only the light SDK is installed, say what is missing."""
    try:
        from penstock.cli.main import run as run_command  # noqa: PLC0415 - belongs to the server extra
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package in {"", "penstock"}:
            raise
        sys.stderr.write(f"penstock: {MissingExtra(package, extra='server')}\n")
        sys.exit(2)
    run_command()


if __name__ == "__main__":
    run()
