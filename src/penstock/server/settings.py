"""What the console app is told about where it stands."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["ConsoleSettings"]


@dataclass(frozen=True, kw_only=True)
class ConsoleSettings:
    """Settings of the console's app; one object for the life of the process."""

    console_url: str = "http://127.0.0.1:4180"
    """Where it listens."""
    public_url: str | None = None
    """Where people's browsers reach it, when a proxy stands before it."""
    gateway_url: str | None = None
    """Shown to people as the address of their calls, and where the console makes its own."""
    static: Path = field(default_factory=lambda: Path(__file__).parent / "static")
    """Folder of the built web UI."""

    @property
    def url(self) -> str:
        """The console's address for people."""
        return (self.public_url or self.console_url).rstrip("/")

    @property
    def https(self) -> bool:
        return self.url.startswith("https://")

    @property
    def hosts(self) -> list[str]:
        """Host names that the console goes by."""
        found = (urlsplit(url).hostname for url in (self.console_url, self.public_url) if url)
        return [host for host in found if host]

    @property
    def origins(self) -> list[str]:
        """`host:port` of the pages that may write."""
        return [urlsplit(url).netloc for url in (self.console_url, self.public_url) if url]
