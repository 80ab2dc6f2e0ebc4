"""What `penstock up`, `penstock gateway` and `penstock console` are asked to do."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["DEFAULT_CONSOLE_PORT", "DEFAULT_GATEWAY_PORT", "DEFAULT_HOST", "UpOptions"]

DEFAULT_HOST = "127.0.0.1"
DEFAULT_GATEWAY_PORT = 4100
DEFAULT_CONSOLE_PORT = 4180


@dataclass(frozen=True, kw_only=True)
class UpOptions:
    """One record for the three commands; a plane that is not started ignores its fields."""

    home: Path
    """Where state lives; made, owner-only, when it is missing."""
    host: str | None = None
    """Address that both planes listen on; None: `DEFAULT_HOST`, or where the one listens that is replaced."""
    gateway_port: int | None = None
    """0 picks a free one; None: `DEFAULT_GATEWAY_PORT`, or that of the one that is replaced."""
    console_port: int | None = None
    """0 picks a free one; None: `DEFAULT_CONSOLE_PORT`, or that of the one that is replaced."""
    workers: int = 1
    """Gateway processes, each with one event loop."""
    config: Path | None = None
    """`penstock.yaml`; None: the one in the home, and providers of the environment when there is none."""
    ready_file: Path | None = None
    """Written, mode 0600, once everything serves: `{"gateway_url", "console_url", "admin_key"}`."""
    public_url: str | None = None
    """The console's address as people's browsers see it (`https://penstock.example.com`)."""
    gateway_url: str | None = None
    """Where a console that runs without a gateway beside it reaches one."""
    simulator: bool = True
    """Whether the simulator may stand in when no provider is configured."""
    replace: bool = False
    """Take the place of the Penstock that runs on this home, if one does, without a call failing."""
    quiet: bool = False
    """Print errors only."""
