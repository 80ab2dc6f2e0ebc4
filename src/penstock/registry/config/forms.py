"""Scalars that penstock.yaml writes in its own way: durations, sizes, prices, addresses, secret references."""

import re
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, cast, get_args, get_origin
from urllib.parse import urlsplit

__all__ = [
    "ALIAS",
    "NAME",
    "REFERENCE",
    "BaseUrl",
    "Dollars",
    "Duration",
    "Form",
    "HeaderValue",
    "ModelGlob",
    "Scalar",
    "SecretReference",
    "Size",
    "parse_duration",
    "shown",
    "write_duration",
    "written",
]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Of a provider, a variant, a key, a limit."""
ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")
"""Of what a caller names as its model: an alias, a route."""

Scalar = str | int | float | bool | None


@dataclass(frozen=True, eq=False)
class Form:
    """How one kind of scalar is written. Stands in an `Annotated` beside the type it is read as."""

    expected: str
    """Completes “expected …” in an error, and describes the form in the reference."""
    parse: Callable[[Scalar], object]
    """The value read.

    Raises:
        ValueError: it is not of this form; the text, when there is one, says what is wrong with it.
    """
    schema: dict[str, object] = field(default_factory=dict[str, object])
    """Its JSON Schema."""
    write: Callable[[object], str] = str
    """The value as it is written in the file; for the reference."""
    secret: bool = False
    """True: a wrong value is never shown, it may be a secret."""


def written(hint: Any, value: object) -> Any:
    """A default as it would be written in the file."""
    form = _form_of(hint)
    if form is not None and value is not None:
        text = form.write(value)
        return value if text == str(value) else text
    return value


def _form_of(hint: Any) -> Form | None:
    """The form of a scalar, or of the one option of a union that has one."""
    if get_origin(hint) is Annotated:
        return cast("Form", get_args(hint)[1])
    if get_origin(hint) in {types.UnionType, typing.Union}:
        return next((form for option in get_args(hint) if (form := _form_of(option)) is not None), None)
    return None


SECRET = re.compile(
    r"""(?xi)
    ^(bearer|basic)\s+\S  # a whole Authorization header
    | (?<![a-z])(sk|pk|rk|psk|gsk|xai|key)[-_][a-z0-9_-]{8}  # providers' key prefixes
    | AIza[a-z0-9_-]{10}
    | (?=[a-z]*\d)(?=\d*[a-z])[a-z0-9]{24}  # long, dense, letters and digits
    """
)


def shown(value: object) -> str:
    """A value as an error may show it: short, and nothing that looks like a secret."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        if SECRET.search(value) or len(value) > 80:
            return f"a text of {len(value)} characters"
        return f"'{value}'" if value.isprintable() else repr(value)
    return str(value)


# --- durations and sizes ----------------------------------------------------------------------

DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
SIZE = re.compile(r"(\d+)\s*(B|KiB|MiB|GiB|TiB|KB|MB|GB|TB)", re.IGNORECASE)
AMOUNT = re.compile(r"\d+(\.\d+)?")
BYTES = {
    "b": 1,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
    "tib": 1024**4,
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "tb": 1000**4,
}


def parse_duration(value: Scalar) -> float:
    """Seconds.

    Raises:
        ValueError: as `Form.parse`.
    """
    if isinstance(value, bool) or value is None:
        raise ValueError
    if isinstance(value, int | float):
        # A number of any size may come, and the largest are no floats.
        seconds = float(min(value, 2**53))
    else:
        match = DURATION.fullmatch(value)
        if match is None:
            raise ValueError
        seconds = float(match[1]) * SECONDS[match[2]]
    if not 0 < seconds <= 7 * 24 * 3600:
        raise ValueError("it must be longer than 0 and at most 168h")
    return seconds


def write_duration(value: object) -> str:
    """Seconds in the unit that people would use."""
    seconds = float(str(value))
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    for unit, length in (("h", 3600.0), ("m", 60.0)):
        if seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"


def _size(value: Scalar) -> int:
    if isinstance(value, bool) or value is None or isinstance(value, float):
        raise ValueError
    if isinstance(value, str):
        match = SIZE.fullmatch(value)
        if match is None:
            raise ValueError
        value = int(match[1]) * BYTES[match[2].lower()]
    if not 0 < value < 2**53:
        raise ValueError("it must be larger than 0")
    return value


def _write_size(value: object) -> str:
    count = int(str(value))
    for unit, length in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if count % length == 0:
            return f"{count // length}{unit}"
    return f"{count}B"


def _dollars(value: Scalar) -> int:
    if isinstance(value, bool) or value is None:
        raise ValueError
    if isinstance(value, str) and AMOUNT.fullmatch(value) is None:
        raise ValueError
    amount = Decimal(str(value))
    if not amount.is_finite() or amount < 0:
        raise ValueError("a price is 0 or more")
    if amount > 1_000_000:
        raise ValueError("it is over $1,000,000 per million tokens")
    nano = amount * 1_000_000_000
    if nano != nano.to_integral_value():
        raise ValueError("a price has at most nine decimal places")
    return int(nano)


# --- texts ------------------------------------------------------------------------------------

REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+|secret:[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _text(value: Scalar) -> str:
    if isinstance(value, str):
        return value
    raise ValueError


def _secret_reference(given: Scalar) -> str:
    value = _text(given)
    if REFERENCE.fullmatch(value) is None:
        raise ValueError(
            "the secret itself must not stand in the file; put it into an environment variable and write env:NAME, "
            "or into a file of its own and write file:PATH, or store it and write secret:NAME"
        )
    return value


def _header_value(given: Scalar) -> str:
    value = _text(given)
    if REFERENCE.fullmatch(value) is not None:
        return value
    if SECRET.search(value):
        raise ValueError("it looks like a secret; write env:NAME, file:PATH or secret:NAME")
    if not value.isprintable() or not value.isascii():
        raise ValueError("a header's value is printable ASCII text on one line")
    return value


def _base_url(given: Scalar) -> str:
    value = _text(given)
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError("it is not a URL") from None
    if parts.scheme not in {"http", "https"}:
        raise ValueError("it must begin with http:// or https://")
    if not parts.hostname or port == 0:
        raise ValueError("it names no host")
    if "@" in parts.netloc:
        raise ValueError("it must not carry a user name or password; use api_key or headers")
    if parts.query or parts.fragment or value.endswith(("?", "#")):
        raise ValueError("it must end with its path, without ? or #")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("it has characters that a URL cannot have")
    return value.rstrip("/")


def _model_glob(given: Scalar) -> str:
    value = _text(given)
    if not value.strip():
        raise ValueError
    return value


Duration = Annotated[
    float,
    Form(
        "a duration such as 500ms, 10s, 2m",
        parse_duration,
        {"type": ["string", "number"], "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|h)$", "exclusiveMinimum": 0},
        write=write_duration,
    ),
]
"""Read as seconds."""
Size = Annotated[
    int,
    Form(
        "a size such as 64KiB, 32MiB, 20GiB",
        _size,
        {"type": ["string", "integer"], "pattern": r"^\d+\s*([KMGTkmgt][iI]?)?[bB]$", "exclusiveMinimum": 0},
        write=_write_size,
    ),
]
"""Read as bytes."""
Dollars = Annotated[
    int,
    Form(
        "US dollars per million tokens, such as 2.50",
        _dollars,
        {"type": ["number", "string"], "minimum": 0, "maximum": 1_000_000, "pattern": r"^\d+(\.\d{1,9})?$"},
        write=lambda value: f"{Decimal(str(value)) / 1_000_000_000:f}",
    ),
]
"""Read as nano-dollars per million tokens."""
SecretReference = Annotated[
    str,
    Form(
        "a reference to a secret, env:NAME, file:PATH or secret:NAME",
        _secret_reference,
        {"type": "string", "pattern": f"^({REFERENCE.pattern})$"},
        secret=True,
    ),
]
HeaderValue = Annotated[
    str, Form("a text, env:NAME, file:PATH or secret:NAME", _header_value, {"type": "string"}, secret=True)
]
BaseUrl = Annotated[
    str,
    Form(
        "an http or https URL such as https://api.openai.com/v1",
        _base_url,
        {"type": "string", "pattern": r"^https?://[^/?#@\s]+(/[^?#\s]*)?$"},
        secret=True,
    ),
]
"""Read without its trailing slash."""
ModelGlob = Annotated[
    str, Form("a model's name, in which * stands for anything", _model_glob, {"type": "string", "minLength": 1})
]
