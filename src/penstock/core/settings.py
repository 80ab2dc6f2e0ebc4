"""The only place that reads the process environment: home folder and secret references."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from penstock.core.errors import InvalidInput

__all__ = ["REFERENCE_SCHEMES", "Environment", "default_home", "process_environment", "report_font", "resolve_secret"]

Environment = Mapping[str, str]
"""Variables of a process; tests pass a plain dict."""
REFERENCE_SCHEMES = ("env:", "file:", "secret:")
"""What a text begins with that refers to a secret."""

MAX_SECRET_BYTES = 64 * 1024


def process_environment() -> Environment:
    """The real environment of this process."""
    return os.environ


def default_home(environment: Environment | None = None) -> Path:
    """`PENSTOCK_HOME`, else `./.penstock`."""
    variables = os.environ if environment is None else environment
    return Path(variables.get("PENSTOCK_HOME") or ".penstock").absolute()


def report_font(environment: Environment | None = None) -> Path | None:
    """`PENSTOCK_REPORT_FONT`: a TrueType font that PDF reports take before those of the system."""
    variables = os.environ if environment is None else environment
    named = variables.get("PENSTOCK_REPORT_FONT")
    return Path(named) if named else None


def resolve_secret(
    reference: str, environment: Environment | None = None, *, sealed: Callable[[str], str] | None = None
) -> str:
    """The value behind `env:NAME`, `file:PATH` or `secret:NAME`; a file's trailing newline is dropped.

    Args:
        reference: One of these.
        environment: Where `env:` looks; None is the process's own.
        sealed: Opens a stored secret by its name (`penstock.core.secrets.SealedSecrets.at`); None where none can be.

    Raises:
        InvalidInput: not a reference, or nothing stands behind it. The message never holds a value.
    """
    scheme, _, name = reference.partition(":")
    variables = os.environ if environment is None else environment
    if scheme == "env" and name:
        value = variables.get(name)
        if not value:
            raise InvalidInput(
                f"The environment variable {name} is not set, and a secret refers to it.",
                hint=f"Set {name} in the environment of every Penstock process.",
                code="secret_missing",
            )
        return value
    if scheme == "file" and name:
        try:
            with Path(name).open("rb") as file:
                data = file.read(MAX_SECRET_BYTES)
        except OSError as error:
            raise InvalidInput(
                f"The secret file {name} cannot be read: {error.strerror}.",
                code="secret_missing",
            ) from error
        return data.decode("utf-8").rstrip("\r\n")
    if scheme == "secret" and name:
        if sealed is None:
            raise InvalidInput(
                f"The secret {name} is stored in Penstock, and can be opened only by its gateway.",
                hint="Use env:NAME or file:PATH here.",
                code="secret_missing",
            )
        return sealed(name)
    raise InvalidInput(
        "A secret is given as a reference: env:NAME, file:PATH or secret:NAME, never as a value.",
        code="secret_not_a_reference",
    )
