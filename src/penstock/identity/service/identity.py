"""The service as its callers see it."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from penstock.core.clock import Clock
from penstock.core.errors import Unauthenticated, Unavailable
from penstock.core.files import replace_file
from penstock.core.ids import Ids
from penstock.core.settings import Environment
from penstock.identity.service.access import Access
from penstock.identity.service.console_keys import ConsoleKeys
from penstock.identity.service.context import Context
from penstock.identity.service.credentials import Randomness, key_prefix, new_key, strong_randomness
from penstock.identity.service.keys import Keys
from penstock.identity.service.people import People
from penstock.identity.service.projects import Projects
from penstock.identity.service.secrets import Secrets
from penstock.identity.store import keys, people, projects
from penstock.identity.types import PERMISSIONS, SYSTEM, Bootstrap, Principal, Project, SigninLink
from penstock.store.metadata import Metadata
from penstock.wire.snapshot import KeyEntry, ProjectEntry, hash_key

__all__ = ["IdentityService"]

logger = logging.getLogger(__name__)


def _nobody_listens() -> None:
    """The default of `on_change`."""


class IdentityService:
    """Projects, keys, people, what each may do, and providers' secrets. All methods block: call them from a thread.

    Args:
        metadata: The open store.
        clock: Where time comes from.
        ids: Where ids come from.
        on_change: Called after each commit that a gateway must learn of, in the thread that made it, before the
            change is answered. It must not raise.
        randomness: Source of secrets; for tests.
        master_key: The home's own file of master keys, under which providers' secrets are sealed.
        environment: Where another place of the master key is looked for; None is the process's own.
    """

    def __init__(
        self,
        metadata: Metadata,
        *,
        clock: Clock,
        ids: Ids,
        master_key: Path,
        on_change: Callable[[], None] = _nobody_listens,
        randomness: Randomness = strong_randomness,
        environment: Environment | None = None,
    ) -> None:
        self._context = Context(metadata=metadata, clock=clock, ids=ids, randomness=randomness, on_change=on_change)
        self.access = Access(self._context)
        self.projects = Projects(self._context)
        self.keys = Keys(self._context)
        self.console_keys = ConsoleKeys(self._context)
        self.people = People(self._context)
        self.secrets = Secrets(self._context, master_key=master_key, environment=environment)

    def revision(self) -> int:
        """Grows by one with every change that a gateway must learn of."""
        return self._context.metadata.revision()

    def snapshot_entries(self) -> tuple[dict[str, ProjectEntry], dict[str, KeyEntry]]:
        """Projects by id and keys by hash, for the snapshot. Revoked keys are left out.

        A key's scopes are those that hold now, within its creators'.
        """
        with self._context.metadata.read() as connection:
            found = projects.everything(connection)
            generations = projects.cache_generations(connection)
        entries = {p.id: ProjectEntry(id=p.id, name=p.name, cache_generation=generations[p.id]) for p in found}
        return entries, {**self.keys.entries(), **self.console_keys.entries()}

    def touch_keys(self, uses: Mapping[str, int]) -> None:
        """Note when keys were last used (microseconds by key id), as seen in ingested spans."""
        self.keys.touch(uses)

    def new_signin_link(
        self,
        *,
        role: str = "admin",
        name: str | None = None,
        project: str | None = None,
        actor: Principal = SYSTEM,
    ) -> SigninLink:
        """A one-time link; see `People.invite`. Without arguments: for the admin of the first start."""
        return self.people.invite(actor, role=role, name=name, project=project)

    def bootstrap(self, admin_key_file: Path) -> Bootstrap | None:
        """On the very first start make organisation, project `default`, user `admin` and an admin key.

        The key is written to `admin_key_file`, mode 0600, before the transaction commits: a crash between
        the two leaves a file that the next start overwrites, never a key that nobody knows.

        Returns:
            None when there is an organisation already.

        Raises:
            Unavailable: the store or the file cannot be written.
        """
        context = self._context
        secret = new_key(context.randomness)
        now = context.clock.now()
        made = Bootstrap(
            organization=context.ids.uuid7(),
            project=context.ids.uuid7(),
            user=context.ids.uuid7(),
            key=context.ids.uuid7(),
            secret=secret,
        )
        with context.metadata.read() as connection:
            if projects.organization(connection) is not None:
                return None
        with context.change() as connection:
            if projects.organization(connection) is not None:
                return None
            projects.insert_organization(connection, organization=made.organization, name="default", created=now)
            projects.insert(
                connection, Project(id=made.project, name="default", created=now), organization=made.organization
            )
            admin = people.User(id=made.user, name="admin", created=now)
            people.insert(connection, admin, organization=made.organization)
            people.insert_membership(
                connection, people.Membership(id=context.ids.uuid7(), user=made.user, project=None, role="admin")
            )
            keys.insert(connection, _admin_key(made, now=now))
            context.audit(connection, SYSTEM, action="organization.create", on=made.organization)
            context.audit(connection, SYSTEM, action="key.create", on=made.key, project=made.project, name="admin")
            _write_admin_key(admin_key_file, secret)
        return made

    def admin_key(self, admin_key_file: Path) -> str | None:
        """The admin key of the first start, when its file is still there and the key still holds."""
        try:
            secret = admin_key_file.read_text("utf-8").strip()
            self.access.by_key(secret)
        except (OSError, UnicodeDecodeError, Unauthenticated) as error:
            logger.info("no admin key in %s: %s", admin_key_file, error)
            return None
        return secret


def _admin_key(made: Bootstrap, *, now: int) -> keys.KeyRow:
    return keys.KeyRow(
        id=made.key,
        project=made.project,
        name="admin",
        prefix=key_prefix(made.secret),
        hash=hash_key(made.secret),
        scopes=sorted(PERMISSIONS),
        models=[],
        all_projects=True,
        created=now,
        creator_key=None,
        creator_user=None,
        created_by=SYSTEM.name,
        expires=None,
        revoked=None,
        last_used=None,
    )


def _write_admin_key(path: Path, secret: str) -> None:
    try:
        replace_file(path, f"{secret}\n".encode())
    except OSError as error:
        raise Unavailable(
            f"The admin key cannot be written to {path}: {error.strerror}.",
            hint="Check the folder's permissions and the disk's free space.",
            code="home_not_writable",
        ) from error
