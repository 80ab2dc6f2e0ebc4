"""The keys with which the console calls the gateway."""

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from penstock.core.errors import Unauthenticated
from penstock.identity.service.console_keys import ConsoleKeys
from penstock.wire.snapshot import hash_key


def test_a_key_is_published_when_it_is_first_asked_for_and_may_only_call(house):
    before = house.service.snapshot_entries()[1]
    secret = house.service.console_keys.secret(house.made.project)
    keys = house.service.snapshot_entries()[1]
    assert set(keys) - set(before) == {hash_key(secret)}
    entry = keys[hash_key(secret)]
    assert (entry.id, entry.project, entry.scopes) == ("console", house.made.project, ("gateway:call",))


def test_a_project_keeps_its_key_and_shares_it_with_no_other(house):
    other = house.service.projects.create(house.admin, "other")
    mine = house.service.console_keys.secret(house.made.project)
    assert house.service.console_keys.secret(house.made.project) == mine
    assert house.service.console_keys.secret(other.id) != mine


def test_nobody_is_given_a_key_that_is_not_published_yet(house):
    published, begun, go_on = [], threading.Event(), threading.Event()

    def publish():
        begun.set()
        go_on.wait(5)
        published.append(dict(house.service.console_keys.entries()))

    keys = ConsoleKeys(dataclasses.replace(house.service.console_keys._context, on_change=publish))
    house.service.console_keys = keys
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(keys.secret, house.made.project)
        begun.wait(5)
        second = pool.submit(lambda: (keys.secret(house.made.project), len(published)))
        go_on.set()
        assert second.result(5) == (first.result(5), 1)


def test_it_opens_no_door_of_the_control_api(house):
    """It is for the gateway; nobody can be the console."""
    with pytest.raises(Unauthenticated):
        house.service.access.by_key(house.service.console_keys.secret(house.made.project))
