"""The console's way to the gateway."""

import asyncio

import pytest

from penstock.core.errors import Unavailable
from penstock.registry.types import WorkerView
from penstock.server import gateway_access
from penstock.server.gateway_access import GatewayAccess


class Keys:
    def secret(self, project):
        return f"psk_{project}"


def worker(*, newest, stale=False):
    return WorkerView(worker="one", pid=1, program="1", started=1, at=1, snapshot=1, stale=stale, newest=newest)


async def test_a_key_is_given_out_once_every_worker_that_lives_takes_it():
    first = [[], [worker(newest=False)], [worker(newest=True), worker(newest=False, stale=True)]]
    looks = iter([*first, [], [worker(newest=False)]])
    looked = []

    def workers():
        looked.append(next(looks))
        return looked[-1]

    access = GatewayAccess("http://127.0.0.1:4100/", Keys(), workers)
    assert access.url == "http://127.0.0.1:4100"
    assert await access.key("p") == "psk_p"
    assert len(looked) == 3
    # It is taken from then on, whatever else is published, as long as there is a worker.
    assert await access.key("p") == "psk_p"
    assert len(looked) == 5


async def test_workers_that_stay_behind_are_told_of(monkeypatch):
    monkeypatch.setattr(gateway_access, "WAIT_SECONDS", 0.01)
    access = GatewayAccess("http://gateway", Keys(), list)
    with pytest.raises(Unavailable) as caught:
        await asyncio.wait_for(access.key("p"), 5)
    assert caught.value.code == "gateway_behind"


def test_a_console_without_a_gateway_says_how_to_name_one():
    with pytest.raises(Unavailable, match="was not told where the gateway is") as caught:
        _ = GatewayAccess(None, Keys(), list).url
    assert "--gateway-url" in str(caught.value)
