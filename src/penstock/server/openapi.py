"""`python -m penstock.server.openapi`: prints the OpenAPI document of the control API."""

import sys
from typing import Never

from penstock.server.api_document import document
from penstock.server.console_app import ConsoleSettings, build

__all__ = ["main"]


def _no_services() -> Never:
    raise RuntimeError("The app that describes the API serves no request.")


def main() -> None:
    sys.stdout.buffer.write(document(build(ConsoleSettings(), _no_services)))


if __name__ == "__main__":
    main()
