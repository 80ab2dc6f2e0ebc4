"""The registry: reads the configuration, compiles it with keys and projects, and publishes the snapshot."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import ConfigError, PenstockError, Unavailable
from penstock.core.home import Home
from penstock.core.settings import Environment, process_environment
from penstock.registry.config import InvalidConfig, LoadedConfig, load_config
from penstock.registry.config.diff import describe, diff
from penstock.registry.config.route_checks import target_problem
from penstock.registry.config.watch import Fingerprint, fingerprint, watch_file
from penstock.registry.ports import Entries, StoredDefinitions, StoredSecrets
from penstock.registry.prompts.ports import PromptVersions
from penstock.registry.prompts.serving import serve_prompts
from penstock.registry.resolve import Names, route_key
from penstock.registry.secret_uses import secret_uses, with_secrets_checked
from penstock.registry.snapshot import Publisher, config_of
from penstock.registry.types import ConfigProblem, ConfigState, Reload, WorkerView
from penstock.registry.workers import is_live, is_waiting, workers
from penstock.wire.limits import LimitEntry, needs_shared_counters
from penstock.wire.routing import RouteEntry
from penstock.wire.snapshot import KeyEntry, ProjectEntry, ProviderEntry, Snapshot

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
        stored: Gives the routes and limits that came through the control API, read anew at each publication.
        prompts: Finds what routes serve of the registry of artifacts, asked anew at each publication.
    """

    def __init__(  # noqa: PLR0913 - made in one place, with every neighbour by name
        self,
        home: Home,
        *,
        clock: Clock,
        entries: Entries,
        config: Path | None = None,
        environment: Environment | None = None,
        fallback: Mapping[str, ProviderEntry] | None = None,
        secrets: StoredSecrets | None = None,
        stored: StoredDefinitions | None = None,
        prompts: PromptVersions | None = None,
    ) -> None:
        self._home = home
        self._clock = clock
        self._entries = entries
        self._file = (config or home.config).absolute()
        self._environment = process_environment() if environment is None else environment
        self._fallback = fallback
        self._secrets = secrets
        self._stored = stored
        self._prompts = prompts
        self._unserved: list[str] = []
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
            config = self._compiled(self._config, projects=projects, keys=keys)
            served = serve_prompts(config.routes, self._prompts, projects=projects, served=before)
            self._unserved += served.warnings
            snapshot = self._publisher.publish(
                msgspec.structs.replace(config, routes=served.routes),
                projects=projects,
                keys=keys,
                sealed_secrets=sealed,
                prompts=served.prompts,
                at=self._clock.now(),
            )
            self._pending = False
        if before is None or snapshot.version != before.version:
            logger.info(
                "Snapshot %d: %d providers, %d keys.", snapshot.version, len(snapshot.providers), len(snapshot.keys)
            )
        return snapshot

    def _compiled(
        self, config: LoadedConfig, *, projects: Mapping[str, ProjectEntry], keys: Mapping[str, KeyEntry]
    ) -> LoadedConfig:
        """The file's configuration with what is stored beside it, in the snapshot's terms."""
        names = Names(projects, keys)
        resolved, self._unserved = names.resolved(config)
        routes = {route_key(route): route for route in resolved.routes.values()}
        limits = list(resolved.limits)
        stored = self._stored.entries() if self._stored is not None else ((), ())
        for entry in (*stored[0], *stored[1]):
            problem = self.unserved(entry, config=config, names=names)
            if problem is not None:
                noun = "route" if isinstance(entry, RouteEntry) else "limit"
                self._unserved.append(f"The {noun} {entry.name} of the control API is not in force: {problem}")
            elif isinstance(entry, RouteEntry):
                routes[route_key(entry)] = entry
                self._unserved += _missing_models(entry, resolved)
            else:
                limits += names.limit(entry)
        return msgspec.structs.replace(resolved, routes=routes, limits=tuple(limits))

    @staticmethod
    def unserved(entry: RouteEntry | LimitEntry, *, config: LoadedConfig, names: Names) -> str | None:
        """Why a stored route or limit cannot be in force beside this file; None when it can.

        The file always goes first: it is valid or not by itself, whatever is stored.
        """
        try:
            if isinstance(entry, LimitEntry):
                names.limit(entry)
                taken = any(limit.name == entry.name for limit in config.limits)
                return "the configuration file has a limit of this name." if taken else None
            names.route(entry)
        except LookupError as error:
            return str(error)
        if entry.name in config.routes:
            return "the configuration file has a route of this name."
        return "the configuration file has an alias of this name." if entry.name in config.aliases else None

    @property
    def config(self) -> LoadedConfig:
        """The file's configuration as it is served.

        Raises:
            Unavailable: `start` has not run.
        """
        if self._config is None:
            raise Unavailable("The registry has not started.", code="not_ready")
        return self._config

    def names(self) -> Names:
        """The projects and keys of this moment."""
        return Names(*self._entries())

    def workers(self) -> list[WorkerView]:
        """The gateway workers that report into this home."""
        return workers(self._home, version=self._version, now=self._clock.now())

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
        """What is served, whether the file is it, and whether it is served everywhere."""
        found = self.workers()
        with self._lock:
            config = self._config
            return ConfigState(
                file=str(self._file) if self._file.exists() else None,
                loaded=self._loaded,
                snapshot_version=self._version,
                error=self._errors[0] if self._errors else None,
                errors=list(self._errors),
                warnings=[*(config.warnings if config is not None else ()), *self._unserved, *self._sharing(found)],
                live=is_live(found),
                waiting_for=[worker.worker for worker in found if is_waiting(worker)],
            )

    def _sharing(self, found: "list[WorkerView]") -> list[str]:
        snapshot = self._publisher.current
        count = sum(not worker.stale for worker in found)
        if snapshot is None or count < 2 or not needs_shared_counters(snapshot):
            return []
        harm = f"each of the {count} workers counts by itself, and a limit holds {count} times"
        return [f"There are limits and no Redis: {harm}. Configure redis, or run one worker."]

    @property
    def _version(self) -> int:
        return self._publisher.current.version if self._publisher.current is not None else 0

    def _load(self) -> LoadedConfig:
        # Before reading, so that a change between the two is seen as one later.
        self._seen = fingerprint(self._file)
        loaded = load_config(self._file, environment=self._environment, fallback=self._fallback)
        return loaded if self._secrets is None else with_secrets_checked(loaded, self._secrets)


def _missing_models(route: RouteEntry, config: LoadedConfig) -> Iterator[str]:
    """What a stored route names and the file has no longer. Its other variants still serve."""
    for variant in route.variants.values():
        for model in variant.models:
            problem = target_problem(model, providers=config.providers, aliases=config.aliases)
            if problem is not None:
                yield f"The variant {variant.name} of the route {route.name} cannot serve: {problem[0]}"


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
