"""The registry: reads the configuration, compiles it with keys and projects, and publishes the snapshot."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Mapping
from pathlib import Path

from penstock.core.clock import Clock
from penstock.core.errors import ConfigError, PenstockError, Unavailable
from penstock.core.home import Home
from penstock.core.settings import Environment, process_environment
from penstock.registry.config import InvalidConfig, LoadedConfig, load_config
from penstock.registry.config.diff import describe, diff
from penstock.registry.config.watch import Fingerprint, fingerprint, watch_file
from penstock.registry.ports import Entries, StoredSecrets
from penstock.registry.secret_uses import secret_uses, with_secrets_checked
from penstock.registry.snapshot import Publisher, config_of
from penstock.registry.types import ConfigProblem, ConfigState, Reload
from penstock.wire.snapshot import ProviderEntry, Snapshot

__all__ = ["RegistryService"]

logger = logging.getLogger(__name__)


class RegistryService:
    """One per console process. Methods block (files, the entries' store) and may be called from any thread.

    Args:
        home: Where the snapshot lies.
        clock: The time of a publication.
        entries: Gives the projects and keys of the identity slice, read anew at each publication.
        config: `penstock.yaml`; None is the one in the home. It need not exist.
        environment: Where vendors' keys are looked for without a file; None is the process's own.
        fallback: Providers to serve when neither the file nor the environment has any (the simulator's).
        secrets: What `secret:NAME` refers to; None where nothing is stored.
    """

    def __init__(
        self,
        home: Home,
        *,
        clock: Clock,
        entries: Entries,
        config: Path | None = None,
        environment: Environment | None = None,
        fallback: Mapping[str, ProviderEntry] | None = None,
        secrets: StoredSecrets | None = None,
    ) -> None:
        self._clock = clock
        self._entries = entries
        self._file = (config or home.config).absolute()
        self._environment = process_environment() if environment is None else environment
        self._fallback = fallback
        self._secrets = secrets
        self._publisher = Publisher(home)
        self._lock = threading.RLock()
        self._config: LoadedConfig | None = None
        self._loaded: int | None = None
        self._errors: list[ConfigProblem] = []
        self._pending = False
        self._seen: Fingerprint | None = None

    @property
    def snapshot(self) -> Snapshot:
        """What is published.

        Raises:
            Unavailable: `start` has not run.
        """
        snapshot = self._publisher.current
        if snapshot is None:
            raise Unavailable("Nothing has been published yet.", code="not_ready")
        return snapshot

    def start(self) -> Snapshot:
        """Load the configuration and publish. Called once, before anything is served.

        Raises:
            ConfigError: the file is wrong, and there is no earlier configuration to go on with.
            Unavailable: the snapshot cannot be written.
        """
        with self._lock:
            earlier = self._publisher.recover()
            try:
                self._config = self._load()
            except ConfigError as error:
                # Nothing else than the file's own last good state may be served in its place.
                if earlier is None or not earlier.providers:
                    raise
                self._config = config_of(earlier)
                self._errors = _problems(error)
                logger.error("%s\nThe last good configuration is served (snapshot %d).", error, earlier.version)  # noqa: TRY400 - the error tells all, a traceback nothing
            self._loaded = self._clock.now()
            return self.publish()

    def publish(self) -> Snapshot:
        """Bring the snapshot up to date with keys, projects and configuration.

        A publication that fails is tried again by `watch`, so that a revoked key goes as soon as the disk allows.

        Raises:
            Unavailable: the snapshot cannot be written; the old one still stands.
        """
        with self._lock:
            if self._config is None:
                raise Unavailable("The registry has not started.", code="not_ready")
            before = self._publisher.current
            self._pending = True
            projects, keys = self._entries()
            uses = secret_uses(self._config)
            sealed = self._secrets.sealed_for(uses) if self._secrets is not None else {}
            snapshot = self._publisher.publish(
                self._config, projects=projects, keys=keys, sealed_secrets=sealed, at=self._clock.now()
            )
            self._pending = False
        if before is None or snapshot.version != before.version:
            logger.info(
                "Snapshot %d: %d providers, %d keys.", snapshot.version, len(snapshot.providers), len(snapshot.keys)
            )
        return snapshot

    def reload(self) -> Reload:
        """Read the file again: validate, compare, swap. A file with errors changes nothing.

        Raises:
            Unavailable: the file is right and the snapshot cannot be written.
        """
        with self._lock:
            if self._config is None:
                raise Unavailable("The registry has not started.", code="not_ready")
            try:
                loaded = self._load()
            except ConfigError as error:
                self._errors = _problems(error)
                logger.error("%s\nNothing was changed.", error)  # noqa: TRY400 - the error tells all, a traceback nothing
                return Reload(outcome="failed", errors=self._errors, snapshot_version=self._version)
            differences = diff(self._config, loaded)
            self._config = loaded
            self._loaded = self._clock.now()
            self._errors = []
            for difference in differences:
                logger.info("Configuration: %s", describe(difference))
            snapshot = self.publish()
        outcome = "changed" if differences else "unchanged"
        return Reload(outcome=outcome, differences=differences, snapshot_version=snapshot.version)

    async def watch(self, *, reloaded: "asyncio.Queue[Reload] | None" = None) -> None:
        """Reload whenever the file changes, and publish again what could not be. Runs until cancelled.

        Args:
            reloaded: Is given the outcome of each reload.
        """
        async with contextlib.aclosing(watch_file(self._file, seen=self._seen)) as changes:
            async for changed in changes:
                try:
                    if changed:
                        outcome = await asyncio.to_thread(self.reload)
                        if reloaded is not None:
                            reloaded.put_nowait(outcome)
                    elif self._pending:
                        await asyncio.to_thread(self.publish)
                except PenstockError as error:
                    logger.error("%s It is tried again.", error)  # noqa: TRY400 - as above

    def state(self) -> ConfigState:
        """What is served, and whether the file is it."""
        with self._lock:
            config = self._config
            return ConfigState(
                file=str(self._file) if self._file.exists() else None,
                loaded=self._loaded,
                snapshot_version=self._version,
                error=self._errors[0] if self._errors else None,
                errors=list(self._errors),
                warnings=list(config.warnings) if config is not None else [],
            )

    @property
    def _version(self) -> int:
        return self._publisher.current.version if self._publisher.current is not None else 0

    def _load(self) -> LoadedConfig:
        # Before reading, so that a change between the two is seen as one later.
        self._seen = fingerprint(self._file)
        loaded = load_config(self._file, environment=self._environment, fallback=self._fallback)
        return loaded if self._secrets is None else with_secrets_checked(loaded, self._secrets)


def _problems(error: ConfigError) -> list[ConfigProblem]:
    errors = error.errors if isinstance(error, InvalidConfig) else (error,)
    return [
        ConfigProblem(
            message=f"{one.message} {one.hint}" if one.hint else one.message,
            file=one.file,
            line=one.line,
            field=one.field,
        )
        for one in errors
    ]
