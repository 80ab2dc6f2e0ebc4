"""Channels, silences and the policy of notifications, as people write and see them."""

import re
import secrets
from base64 import b64encode
from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection

from penstock.alerts.context import Context, check_limit, check_text
from penstock.alerts.notify.message import test_message
from penstock.alerts.notify.network import Network, check_host, read_destination
from penstock.alerts.notify.transport import Address, Transport
from penstock.alerts.notify.types import Channel, ChannelTest, Delivery, NewChannel
from penstock.alerts.ports import Vault
from penstock.alerts.rules.check import check_matchers
from penstock.alerts.rules.measure import SECOND
from penstock.alerts.store import notifications as store
from penstock.alerts.store import rules
from penstock.alerts.types import AlertPolicy, NewSilence, Silence
from penstock.core.errors import Conflict, InvalidInput, NotFound, PenstockError
from penstock.identity.types import Principal

__all__ = ["Channels", "Silences", "secret_name"]

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")
SECRET: Final = re.compile(r"whsec_(?:[A-Za-z0-9+/]{4}){6,22}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z")
MAX_CHANNELS: Final = 100
MAX_SILENCE: Final = 90 * 24 * 3600 * SECOND
KEPT: Final = 30 * 24 * 3600 * SECOND
"""How long silences that ended are shown."""
RANGES: Final = {"wait": (0, 3600), "interval": (1, 24 * 3600), "repeat": (60, 31 * 24 * 3600)}
MAX_INHIBITIONS: Final = 50


class Channels:
    """The ways to tell people. Methods block.

    Args:
        context: Shared dependencies.
        vault: Keeps the addresses.
        transport: Sends.
        allow: Networks that are not public and may be sent to.
    """

    def __init__(
        self,
        context: Context,
        vault: Vault,
        transport: Transport,
        *,
        allow: Sequence[Network] = (),
    ) -> None:
        self._context = context
        self._vault = vault
        self._transport = transport
        self._allow = tuple(allow)

    def everything(self, project: str) -> list[Channel]:
        """By name."""
        with self._context.metadata.read() as connection:
            return [_shown(connection, row) for row in store.channels_of(connection, project)]

    def get(self, project: str, id_: str) -> Channel:
        """Raises `NotFound` when there is none in this project."""
        with self._context.metadata.read() as connection:
            return _shown(connection, _found(connection, id_, project=project))

    def create(self, actor: Principal, project: str, new: NewChannel) -> Channel:
        """Store a channel.

        Raises:
            InvalidInput: the name or the address does not fit, or notifications may not be sent there.
            Conflict: `channel_exists`.
        """
        if new.url is None:
            raise InvalidInput("A channel needs an address.", field="url")
        kind, address = self._address(new, before=None)
        now = self._context.clock.now()
        row = store.ChannelRow(
            id=self._context.ids.uuid7(),
            project=project,
            name=new.name,
            kind=kind,
            created=now,
            created_by=actor.name,
            updated=now,
        )
        self._check_name(new.name, project=project, own=None)
        # The address first: a channel without one could not send, an address without a channel does nothing.
        self._vault.put(secret_name(row.id), _written(address))
        with self._context.metadata.write() as connection:
            store.put_channel(connection, row)
            self._context.audit(
                connection, actor, action="channel.create", on=row.id, project=project, name=row.name, kind=kind
            )
            shown = _shown(connection, row)
        return msgspec.structs.replace(shown, secret=address.secret)

    def replace(self, actor: Principal, project: str, id_: str, new: NewChannel) -> Channel:
        """Rename a channel, or give it another address. Raises `NotFound`, and as `create`."""
        before = self.get(project, id_)
        self._check_name(new.name, project=project, own=id_)
        if before.used_by and new.name != before.name:
            raise Conflict(
                f"The channel {before.name} is used by {', '.join(before.used_by)}.",
                hint="Take it out of them first, or keep its name.",
                code="channel_in_use",
            )
        kind, secret = before.kind, None
        if new.url is not None:
            kind, address = self._address(new, before=id_)
            self._vault.put(secret_name(id_), _written(address))
            secret = address.secret
        with self._context.metadata.write() as connection:
            row = _found(connection, id_, project=project)
            now = self._context.clock.now()
            row = msgspec.structs.replace(row, name=new.name, kind=kind, updated=now, last_error=None)
            store.put_channel(connection, row)
            self._context.audit(
                connection, actor, action="channel.update", on=id_, project=project, name=new.name, kind=kind
            )
            shown = _shown(connection, row)
        return msgspec.structs.replace(shown, secret=secret)

    def delete(self, actor: Principal, project: str, id_: str) -> None:
        """Raises `NotFound`; `Conflict` (`channel_in_use`) while a rule or objective tells it."""
        with self._context.metadata.write() as connection:
            shown = _shown(connection, _found(connection, id_, project=project))
            if shown.used_by:
                raise Conflict(
                    f"The channel {shown.name} is used by {', '.join(shown.used_by)}.",
                    hint="Take it out of them first.",
                    code="channel_in_use",
                )
            store.remove_channel(connection, id_)
            self._context.audit(connection, actor, action="channel.delete", on=id_, project=project, name=shown.name)
        self._vault.drop(secret_name(id_))

    def test(self, project: str, id_: str) -> ChannelTest:
        """Send a notification that says it is a test, now. Raises `NotFound`."""
        channel = self.get(project, id_)
        message = test_message(channel.name, id_=self._context.ids.uuid7(), now=self._context.clock.now())
        try:
            self._transport.send(self.address(id_), message, allow=self._allow)
        except PenstockError as error:
            return ChannelTest(sent=False, error=str(error))
        return ChannelTest(sent=True, error=None)

    def deliveries(self, project: str, id_: str, *, cursor: str | None = None, limit: int = 50) -> list[Delivery]:
        """What was sent, newest first. Raises `NotFound`."""
        check_limit(limit)
        with self._context.metadata.read() as connection:
            _found(connection, id_, project=project)
            rows = store.deliveries_of(connection, id_, before=cursor, limit=limit)
        return [
            Delivery(
                id=row.id,
                channel=row.channel,
                created=row.created,
                status=row.status,
                attempts=row.attempts,
                next_try=row.next_try,
                finished=row.finished,
                title=row.title,
                error=row.error,
            )
            for row in rows
        ]

    def address(self, id_: str) -> Address:
        """Where a channel sends, for its transport only. Raises `PenstockError` when that cannot be read."""
        return msgspec.json.decode(self._vault.open(secret_name(id_)), type=Address)

    def _address(self, new: NewChannel, *, before: str | None) -> tuple[str, Address]:
        url = new.url or ""
        destination = read_destination(url)
        if destination.host is not None:
            check_host(destination.host, allow=self._allow)
        if destination.kind != "webhook":
            if new.secret is not None:
                raise InvalidInput("Only a webhook has a signing secret.", field="secret")
            self._transport.check(url, allow=self._allow)
            return destination.kind, Address(url=url)
        if new.secret is not None and SECRET.fullmatch(new.secret) is None:
            raise InvalidInput("A signing secret looks like whsec_ and base64 of 24 bytes.", field="secret")
        kept = self.address(before).secret if before is not None and new.secret is None else None
        made = f"whsec_{b64encode(secrets.token_bytes(24)).decode()}"
        return destination.kind, Address(url=url, secret=new.secret or kept or made)

    def _check_name(self, name: str, *, project: str, own: str | None) -> None:
        if NAME.fullmatch(name) is None:
            raise InvalidInput(
                "A channel's name has 1 to 63 letters, digits, dots, dashes and underscores, and begins with a letter "
                "or digit.",
                field="name",
            )
        with self._context.metadata.read() as connection:
            known = store.channels_of(connection, project)
        if any(row.name == name and row.id != own for row in known):
            raise Conflict(f"There is a channel called {name} already.", code="channel_exists")
        if own is None and len(known) >= MAX_CHANNELS:
            raise Conflict(f"A project has at most {MAX_CHANNELS} channels.", code="too_many_channels")


class Silences:
    """Silences, and the policy of notifications. Methods block.

    Args:
        context: Shared dependencies.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def everything(self, project: str) -> list[Silence]:
        """Newest first; one that ended is shown for 30 days."""
        now = self._context.clock.now()
        with self._context.metadata.read() as connection:
            found = store.silences_of(connection, project, ended_after=now - KEPT)
        return [_as_of(one, now) for one in found]

    def create(self, actor: Principal, project: str, new: NewSilence) -> Silence:
        """Raises `InvalidInput`."""
        now = self._context.clock.now()
        check_matchers(new.matchers, field="matchers")
        check_text(new.comment, field="comment", least=1, most=500)
        starts = now if new.starts is None else new.starts
        if new.ends <= max(now, starts) or new.ends - starts > MAX_SILENCE:
            raise InvalidInput("Expected `ends` after now and `starts`, and at most 90 days after it.", field="ends")
        silence = Silence(
            id=self._context.ids.uuid7(),
            project=project,
            matchers=new.matchers,
            comment=new.comment,
            starts=starts,
            ends=new.ends,
            created=now,
            created_by=actor.name,
            state="active",
        )
        with self._context.metadata.write() as connection:
            store.put_silence(connection, silence)
            self._context.audit(connection, actor, action="silence.create", on=silence.id, project=project)
        return _as_of(silence, now)

    def end(self, actor: Principal, project: str, id_: str) -> None:
        """End a silence now; one that ended already stays as it is. Raises `NotFound`."""
        now = self._context.clock.now()
        with self._context.metadata.write() as connection:
            silence = store.silence_by_id(connection, id_, project=project)
            if silence is None:
                raise NotFound("There is no such silence, or not in this project.", code="silence_not_found")
            if silence.ends > now:
                starts = min(silence.starts, now)
                store.put_silence(connection, msgspec.structs.replace(silence, ends=now, starts=starts))
                self._context.audit(connection, actor, action="silence.end", on=id_, project=project)

    def policy(self, project: str) -> AlertPolicy:
        with self._context.metadata.read() as connection:
            return store.policy_of(connection, project)

    def put_policy(self, actor: Principal, project: str, policy: AlertPolicy) -> AlertPolicy:
        """Raises `InvalidInput`."""
        for field, (least, most) in RANGES.items():
            value: int = getattr(policy, field)
            if not least <= value <= most:
                raise InvalidInput(f"Expected `{field}` from {least} to {most}, got {value}.", field=field)
        if len(policy.group_by) > 10:
            raise InvalidInput("Expected at most ten labels.", field="group_by")
        for label in policy.group_by:
            check_text(label, field="group_by", least=1, most=128)
        if len(policy.inhibitions) > MAX_INHIBITIONS:
            raise InvalidInput(f"Expected at most {MAX_INHIBITIONS} inhibitions.", field="inhibitions")
        for rule in policy.inhibitions:
            check_matchers(rule.source, field="inhibitions.source")
            check_matchers(rule.target, field="inhibitions.target")
        with self._context.metadata.write() as connection:
            store.put_policy(connection, project, policy)
            self._context.audit(connection, actor, action="alert.policy", on=project, project=project)
        return policy


def secret_name(channel: str) -> str:
    """What the stored secret of a channel is called."""
    return f"channel.{channel}"


def _written(address: Address) -> str:
    return msgspec.json.encode(address).decode()


def _as_of(silence: Silence, now: int) -> Silence:
    state = "ended" if silence.ends <= now else "waiting" if silence.starts > now else "active"
    return msgspec.structs.replace(silence, state=state)


def _found(connection: Connection, id_: str, *, project: str) -> store.ChannelRow:
    row = store.channel_by_id(connection, id_, project=project)
    if row is None:
        raise NotFound("There is no such channel, or not in this project.", code="channel_not_found")
    return row


class _Telling(msgspec.Struct):
    """The part of a rule or objective that names channels."""

    name: str
    channels: list[str] = []


def _shown(connection: Connection, row: store.ChannelRow) -> Channel:
    definitions = rules.everything(connection, None, project=row.project)
    telling = [msgspec.convert(one.body, _Telling) for one in definitions]
    return Channel(
        id=row.id,
        project=row.project,
        name=row.name,
        kind=row.kind,
        created=row.created,
        created_by=row.created_by,
        updated=row.updated,
        last_sent=row.last_sent,
        last_error=row.last_error,
        used_by=sorted(one.name for one in telling if row.name in one.channels),
    )
