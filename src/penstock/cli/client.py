"""The console that a command speaks to."""

from pathlib import Path
from typing import ClassVar, Final

from penstock.core.errors import Unauthenticated, Unavailable
from penstock.core.home import Home
from penstock.core.settings import default_home
from penstock.sdk import control
from penstock.sdk.control import Naming, Query, path_of, split_address

__all__ = ["ControlClient", "Query", "connect", "path_of"]

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class ControlClient(control.ControlClient):
    """Speaks to one console with one key; its hints name the options of the command line."""

    naming: ClassVar = Naming(url="--url", key="PENSTOCK_KEY or --key", agent="penstock-cli")


def connect(home: Path | None, url: str | None, key: str | None, *, timeout: float = 15.0) -> ControlClient:
    """A client of the console that the options name, or of the one running in the home.

    The home's admin key is sent only to this machine or to the address that the home itself names, never
    to another `url`.

    Raises:
        Unavailable: no address is given and none is running in the home.
        Unauthenticated: no key is given and the home has none that may be sent there.
    """
    place = Home(home or default_home())
    own = _first_line(place.run / "console.url")
    address = url or own
    if address is None:
        raise Unavailable(
            f"No console is running in {place.path}.",
            hint="Start one with `penstock up`, or name one with --home, --url or PENSTOCK_CONSOLE_URL.",
            code="console_unreachable",
        )
    if key is None and (address == own or split_address(address, field="--url").hostname in LOOPBACK):
        key = _first_line(place.path / "admin.key")
    if key is None:
        raise Unauthenticated(
            f"No key to use with {address}.", hint="Give one with PENSTOCK_KEY or --key.", code="key_missing"
        )
    return ControlClient(address, key, timeout=timeout)


def _first_line(path: Path) -> str | None:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(f"The file {path} cannot be read: {error.strerror}.", code="home_not_readable") from error
    return text or None
