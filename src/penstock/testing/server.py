"""A whole Penstock for a test: `penstock up` on free ports, with a home of its own."""

from pathlib import Path

from penstock.core.settings import process_environment
from penstock.testing.process import ReadyProcess

__all__ = ["PenstockServer"]

_PROVIDER_VARIABLES = ("_API_KEY", "_API_TOKEN", "_ENDPOINT")


class PenstockServer(ReadyProcess):
    """Gateway and console in child processes; a context manager.

        with PenstockServer(tmp_path) as server:
            client = openai.OpenAI(base_url=f"{server.gateway_url}/v1", api_key=server.admin_key)

    With no `config`, the simulator stands in as the provider: variables that would name a real one are
    kept from the process, so a test never spends money.

    Args:
        folder: A folder for its home, log and ready file.
        config: A `penstock.yaml`; secrets that it refers to are given in `environment`.
        workers: Gateway processes.
        environment: Variables added to those of this process.
    """

    def __init__(
        self,
        folder: Path,
        *,
        config: Path | None = None,
        workers: int = 1,
        environment: dict[str, str] | None = None,
        patience: float = 60.0,
    ) -> None:
        self.home = folder / "home"
        arguments = ["penstock.cli", "up", "--home", str(self.home), "--gateway-port", "0", "--console-port", "0"]
        arguments += ["--workers", str(workers)]
        if config is not None:
            arguments += ["--config", str(config)]
        inherited = {
            name: value
            for name, value in process_environment().items()
            if not name.endswith(_PROVIDER_VARIABLES) and not name.startswith("PENSTOCK_")
        }
        super().__init__(arguments, folder=folder, environment={**inherited, **(environment or {})}, patience=patience)

    @property
    def gateway_url(self) -> str:
        """Base address of the gateway; OpenAI's SDK wants `/v1` behind it, Anthropic's wants it as it is."""
        return str(self.ready["gateway_url"])

    @property
    def console_url(self) -> str:
        return str(self.ready["console_url"])

    @property
    def admin_key(self) -> str:
        """A key that may do everything."""
        return str(self.ready["admin_key"])
