"""An identity service on a real store, with a clock that stands still."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from metadata_harness import MetadataOpener
from penstock.core.clock import ManualClock
from penstock.core.ids import RandomIds
from penstock.identity.service import IdentityService
from penstock.identity.store import audit
from penstock.identity.types import Bootstrap, Principal
from penstock.store.metadata import Metadata


@dataclass
class House:
    """A service after its first start."""

    service: IdentityService
    metadata: Metadata
    clock: ManualClock
    home: Path
    changes: list[int] = field(default_factory=list)
    made: Bootstrap = field(init=False)

    @property
    def admin(self) -> Principal:
        return self.service.access.by_key(self.made.secret)

    def person(self, role: str, name: str | None = None, project: str | None = None) -> Principal:
        link = self.service.new_signin_link(role=role, name=name or role, project=project)
        return self.service.access.by_session(self.service.people.sign_in(link.token).token)

    def audited(self) -> list[str]:
        """Actions, newest first."""
        with self.metadata.read() as connection:
            return [row.action for row in audit.newest(connection)]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock, metadata_opener: MetadataOpener):
    metadata = metadata_opener.open(tmp_path / "metadata.db")
    changes: list[int] = []
    service = IdentityService(
        metadata,
        clock=clock,
        ids=RandomIds(clock, seed=1),
        master_key=tmp_path / "master.key",
        on_change=lambda: changes.append(metadata.revision()),
    )
    built = House(service, metadata, clock, tmp_path, changes)
    made = service.bootstrap(tmp_path / "admin.key")
    assert made is not None
    built.made = made
    yield built
    metadata.close()
