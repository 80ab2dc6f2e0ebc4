"""Channels: kept sealed, shown without their address, tested by a button."""

import pytest

from alerts_harness import MINUTE, START, threshold
from penstock.alerts.notify.types import NewChannel
from penstock.core.errors import Conflict, InvalidInput, NotFound
from penstock.core.secrets import origins_of
from penstock.identity.store import secrets

URL = "https://hooks.example.com/services/SECRET"


def made(house, **options):
    new = NewChannel(**{"name": "team", "url": URL, **options})
    return house.alerts.channels.create(house.actor, house.project, new)


def test_an_address_is_sealed_and_never_shown_again(house):
    channel = made(house)
    assert channel.kind == "webhook"
    assert channel.secret is not None
    assert channel.secret.startswith("whsec_")
    shown = house.alerts.channels.get(house.project, channel.id)
    assert shown.secret is None
    stored = house.home.metadata.read_bytes() + b"".join(
        path.read_bytes() for path in house.home.path.glob("metadata.db-*")
    )
    assert b"SECRET" not in stored
    assert channel.secret.encode() not in stored
    assert "SECRET" not in repr(NewChannel(name="x", url=URL))
    assert channel.secret not in repr(channel)
    assert house.alerts.channels.address(channel.id).url == URL


def test_it_survives_a_new_master_key(house):
    channel = made(house)
    house.identity.secrets.rotate(house.actor)
    house.identity.secrets.retire({})
    assert house.alerts.channels.address(channel.id).url == URL


def test_no_provider_can_be_given_its_address(house):
    channel = made(house)
    with house.metadata.read() as connection:
        (row,) = secrets.everything(connection)
    assert row.name == f"channel.{channel.id}"
    assert origins_of(row.name, row.sealed) == ["https://channel.invalid"]
    assert house.identity.secrets.everything(house.actor) == []


def test_the_test_button_sends_and_says_how_it_went(house):
    channel = made(house)
    assert house.alerts.channels.test(house.project, channel.id).sent
    assert house.ears.heard[0].type == "alert.test"
    assert house.ears.addresses[0].secret == channel.secret
    house.ears.failing = "No answer."
    found = house.alerts.channels.test(house.project, channel.id)
    assert (found.sent, found.error) == (False, "No answer.")


def test_an_address_that_is_gone_is_told(house):
    channel = made(house)
    house.alerts.channels._vault.drop(f"channel.{channel.id}")
    house.alerts.channels._vault.drop(f"channel.{channel.id}")
    assert "gone" in (house.alerts.channels.test(house.project, channel.id).error or "")


def test_a_new_address_keeps_the_secret_that_signs(house):
    channel = made(house)
    channels = house.alerts.channels
    changed = channels.replace(house.actor, house.project, channel.id, NewChannel(name="team", url=URL + "/2"))
    assert changed.secret == channel.secret
    assert channels.address(channel.id).url == URL + "/2"
    renamed = channels.replace(house.actor, house.project, channel.id, NewChannel(name="others"))
    assert (renamed.name, renamed.kind, renamed.secret) == ("others", "webhook", None)
    slack = channels.replace(house.actor, house.project, channel.id, NewChannel(name="others", url="slack://a/b/c"))
    assert (slack.kind, slack.secret) == ("slack", None)
    given = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert made(house, secret=given).secret == given


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"url": None}, "url"),
        ({"url": "exec://rm"}, "url"),
        ({"url": "http://127.0.0.1/"}, "url"),
        ({"url": "http://[::ffff:10.0.0.1]/"}, "url"),
        ({"name": "a b"}, "name"),
        ({"secret": "short"}, "secret"),
        ({"url": "slack://a/b/c", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "secret"),
    ],
)
def test_a_channel_that_cannot_be_is_refused_with_its_field(house, options, field):
    with pytest.raises(InvalidInput) as caught:
        made(house, **options)
    assert caught.value.field == field


def test_names_are_unique_and_stay_while_they_are_used(house):
    channel = made(house)
    with pytest.raises(Conflict):
        made(house)
    house.create(threshold(1), channels=["team"])
    with pytest.raises(Conflict) as caught:
        house.alerts.channels.replace(house.actor, house.project, channel.id, NewChannel(name="others"))
    assert caught.value.code == "channel_in_use"
    with pytest.raises(NotFound):
        house.alerts.channels.get("other", channel.id)


def test_deliveries_have_pages(house):
    channel = made(house)
    house.create(threshold(0), channels=["team"], window=60)
    for minute in range(0, 120, 10):
        house.metrics.add(START + minute * MINUTE, times=2)
    house.run(120)
    first = house.alerts.channels.deliveries(house.project, channel.id, limit=2)
    second = house.alerts.channels.deliveries(house.project, channel.id, limit=2, cursor=first[-1].id)
    assert len(first) == len(second) == 2
    assert first[-1].id > second[0].id
