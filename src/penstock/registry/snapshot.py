"""Compiling and publishing the snapshot that every gateway worker reads."""

import logging
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from penstock.core.errors import CorruptData, Unavailable
from penstock.core.files import replace_file
from penstock.core.home import Home
from penstock.finops.price_list import compile_price_book, list_version
from penstock.registry.config import LoadedConfig
from penstock.wire.prices import PriceBook
from penstock.wire.prompts import CompiledPrompt
from penstock.wire.snapshot import KeyEntry, ProjectEntry, ProviderEntry, Snapshot, decode_snapshot, encode_snapshot

__all__ = ["Publisher", "config_of"]

logger = logging.getLogger(__name__)

SALT_BYTES = 32


class Publisher:
    """Owns the snapshot file of a home. One per installation; the console's lock on the home sees to that."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self.current: Snapshot | None = None
        """The last published snapshot, from this process or an earlier one."""
        self._last_version = 0
        self._salt = ""

    def recover(self) -> Snapshot | None:
        """Take up what an earlier process published, so that versions go on growing.

        A file that cannot be trusted is not served, but its version is still read where possible.
        """
        try:
            data = self._home.snapshot.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable(
                f"The snapshot {self._home.snapshot} cannot be read: {error.strerror}.", code="snapshot_unreadable"
            ) from error
        try:
            self.current = decode_snapshot(data)
        except CorruptData as error:
            logger.warning("%s A new one is published.", error)
            found = re.search(rb'"version":(\d{1,15})', data)
            self._last_version = int(found[1]) if found else 0
            return None
        self._last_version = self.current.version
        return self.current

    def publish(
        self,
        config: LoadedConfig,
        *,
        projects: Mapping[str, ProjectEntry],
        keys: Mapping[str, KeyEntry],
        sealed_secrets: Mapping[str, str],
        prompts: Mapping[str, CompiledPrompt],
        at: int,
    ) -> Snapshot:
        """Write a new version if anything differs from the current one; give the one that now stands.

        Args:
            config: What the configuration says, with its routes by their place in the snapshot, and with ids for
                the names of projects and keys.
            projects: By id.
            keys: By hash. An expired one stays, and the gateway says so.
            sealed_secrets: Those that the configuration refers to, by name.
            prompts: What the routes serve, by `compiled_key`.
            at: Now, microseconds.

        Raises:
            Unavailable: `snapshot_not_written`: the disk is full or read-only; the old one still stands.
        """
        snapshot = Snapshot(
            version=self._last_version + 1,
            created=at,
            projects=dict(projects),
            keys=dict(keys),
            providers=config.providers,
            aliases=config.aliases,
            routes=config.routes,
            prompts=dict(prompts),
            limits=config.limits,
            redis=config.redis,
            prices=config.prices,
            price_book=self._price_book(config.providers),
            sealed_secrets=dict(sealed_secrets),
            user_salt=self._user_salt(),
            gateway=config.gateway,
            journal=config.journal,
            feedback=config.feedback,
            stores=config.stores,
            telemetry=config.telemetry,
        )
        if self.current is not None and _same_content(self.current, snapshot):
            return self.current
        try:
            replace_file(self._home.snapshot, encode_snapshot(snapshot))
        except OSError as error:
            raise Unavailable(
                f"The snapshot {self._home.snapshot} cannot be written: {error.strerror}; "
                "gateways go on with the one before.",
                code="snapshot_not_written",
            ) from error
        self.current = snapshot
        self._last_version = snapshot.version
        return snapshot

    def _price_book(self, providers: Mapping[str, ProviderEntry]) -> PriceBook:
        """The book of these providers; the current one where it fits, since compiling loads the price list."""
        current = self.current
        if (
            current is not None
            and current.price_book is not None
            and current.price_book.version == list_version()
            and _price_sources(current.providers) == _price_sources(providers)
        ):
            return current.price_book
        return compile_price_book(providers.values())

    def _user_salt(self) -> str:
        """Made once for an installation: with another one, the same person would be someone else."""
        if not self._salt:
            path = self._home.path / "user.salt"
            self._salt = _read_salt(path)
        if not self._salt:
            self._salt = (self.current.user_salt if self.current else "") or secrets.token_hex(SALT_BYTES)
            try:
                replace_file(self._home.path / "user.salt", self._salt.encode())
            except OSError as error:
                self._salt = ""
                raise Unavailable(
                    f"The home folder {self._home.path} cannot be written: {error.strerror}.",
                    code="snapshot_not_written",
                ) from error
        return self._salt


def config_of(snapshot: Snapshot) -> LoadedConfig:
    """The configuration file that a snapshot was compiled from, with ids for the names of projects and keys."""
    return LoadedConfig(
        file=None,
        digest="",
        providers=snapshot.providers,
        aliases=snapshot.aliases,
        routes={route.name: route for route in snapshot.routes.values() if route.source == "file"},
        limits=tuple(limit for limit in snapshot.limits if limit.source == "file"),
        redis=snapshot.redis,
        prices=snapshot.prices,
        gateway=snapshot.gateway,
        journal=snapshot.journal,
        feedback=snapshot.feedback,
        stores=snapshot.stores,
        telemetry=snapshot.telemetry,
    )


def _same_content(one: Snapshot, other: Snapshot) -> bool:
    return msgspec.structs.replace(other, version=one.version, created=one.created) == one


def _price_sources(providers: Mapping[str, ProviderEntry]) -> set[str]:
    return {provider.price_as or provider.base_url for provider in providers.values()}


def _read_salt(path: Path) -> str:
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise Unavailable(f"The file {path} cannot be read: {error.strerror}.", code="snapshot_not_written") from error
    if re.fullmatch(r"[0-9a-f]{64}", text) is None:
        raise CorruptData(
            f"The file {path} does not hold the 64 hex digits that hide users' ids.",
            hint="Restore it from a backup. Deleting it gives every user a new pseudonym.",
        )
    return text
