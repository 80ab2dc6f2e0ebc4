"""What a worker knows of its targets, across snapshots."""

from random import Random

import pytest

from penstock.core.clock import ManualClock
from penstock.gateway.routing import registry
from penstock.gateway.routing.keys import Key
from penstock.gateway.routing.registry import Health
from penstock.providers import failures
from penstock.wire.routing import Breaker, Retries
from penstock.wire.snapshot import ProviderEntry

REFUSED = failures.from_status(401, {}, b"", message=None)


@pytest.fixture
def health():
    return Health(clock=ManualClock())


def provider(name="openai", url="https://api.test/v1", **settings):
    return ProviderEntry(name=name, kind="openai", base_url=url, breaker=Breaker(**settings))


def test_a_target_is_the_same_across_snapshots_and_takes_their_settings(health):
    target = health.target(provider(), "m")
    target.failed(target.begin(1.0), 1.0, "upstream_cut")
    again = health.target(provider(minimum=2), "m")
    assert again is target
    assert again.breaker.minimum == 2
    assert health.target(provider(), "other") is not target


def test_another_address_starts_afresh(health):
    target = health.target(provider(), "m")
    assert health.target(provider(url="https://other.test/v1"), "m") is not target


def test_what_no_snapshot_names_is_dropped_once_it_is_idle(health):
    old, kept = provider("old"), provider("kept")
    target = health.target(old, "m")
    health.target(kept, "m")
    ticket = target.begin(1.0)
    health.retain({"kept": kept}, ())
    assert [report.target for report in health.reports(2.0)] == ["old/m"]
    assert health.target(old, "m") is target
    target.abandoned(ticket)
    health.retain({"kept": kept}, ())
    assert health.target(old, "m") is not target
    moved = health.target(kept, "m")
    health.retain({"kept": provider("kept", url="https://moved.test")}, ())
    assert health.target(kept, "m") is not moved


def test_a_key_keeps_its_state_until_its_secret_is_rotated(health):
    keys = (Key("main", "sk-1"), Key("backup", "sk-2"))
    ring = health.ring("openai", keys)
    ring.failed(0, REFUSED, 100.0)
    assert health.ring("openai", keys) is ring
    heavier = health.ring("openai", (Key("main", "sk-1", 9.0), keys[1]))
    assert heavier.pick(101.0, Random(1)) == 1
    assert heavier.aside(101.0) == ("main: 401",)
    rotated = health.ring("openai", (Key("main", "sk-new"), keys[1]))
    assert rotated.aside(101.0) == ()
    assert {rotated.pick(101.0, Random(seed)) for seed in range(20)} == {0, 1}


def test_a_failure_that_an_older_ring_saw_holds_in_the_newer_one(health):
    keys = (Key("main", "sk-1"), Key("backup", "sk-2"))
    old = health.ring("openai", keys)
    new = health.ring("openai", (*keys, Key("third", "sk-3")))
    old.failed(0, REFUSED, 100.0)
    new.failed(0, REFUSED, 100.5)
    assert {new.pick(101.0, Random(seed)) for seed in range(40)} == {1, 2}
    assert new.back_at() == 400.0


def test_states_of_keys_that_are_gone_are_forgotten(health):
    entry = provider()
    health.ring("openai", (Key("main", "sk-1"),)).failed(0, REFUSED, 100.0)
    health.ring("openai", (Key("main", "sk-2"),))
    health.ring("gone", (Key("main", "sk-1"),))
    health.retain({"openai": entry}, ())
    assert health.ring("openai", (Key("main", "sk-1"),)).aside(101.0) == ()
    assert len(health._states) == 2
    assert health._rings.keys() == {"openai"}


def test_a_routes_budget_outlives_the_snapshot_and_takes_its_share(health):
    budget = health.budget("support", Retries(budget=0.2))
    assert [budget.take(0.0) for _ in range(4)] == [True, True, True, False]
    again = health.budget("support", Retries(budget=0.5))
    assert again is budget
    assert again.share == 0.5
    health.retain({}, ("support",))
    assert health.budget("support", Retries()) is budget
    health.retain({}, ())
    assert health.budget("support", Retries()) is not budget


def test_reports_hold_what_is_used_or_out_by_name(health):
    entry = provider()
    health.ring("openai", (Key("main", "sk-1"),)).failed(0, REFUSED, 5000.0)
    for model, at in (("b", 5000.0), ("a", 5000.0), ("old", 1.0)):
        target = health.target(entry, model)
        target.succeeded(target.begin(at), at)
    out = health.target(entry, "out")
    out.set_aside(1.0, 3600.0, "upstream_rate_limited (429)")
    health.target(entry, "never called")
    assert [report.target for report in health.reports(3000.0)] == [f"openai/{m}" for m in ("a", "b", "old", "out")]
    reports = health.reports(5001.0)
    assert [report.target for report in reports] == ["openai/a", "openai/b"]
    assert reports[0].keys_aside == ("main: 401",)
    elsewhere = health.target(provider(url="https://moved.test"), "a")
    elsewhere.begin(5001.0)
    assert [report.in_flight for report in health.reports(5001.0) if report.target == "openai/a"] == [1]


def test_models_that_callers_make_up_are_bounded(health, monkeypatch):
    """FAILURES G9."""
    monkeypatch.setattr(registry, "MAX_TARGETS", 50)
    monkeypatch.setattr(registry, "MAX_REPORTED", 20)
    entry = provider()
    busy = health.target(entry, "busy")
    busy.begin(0.0)
    for number in range(300):
        target = health.target(entry, f"made-up-{number}")
        target.succeeded(target.begin(float(number)), float(number))
    assert len(health._targets) <= 50
    assert health.target(entry, "busy") is busy
    assert health.target(entry, "made-up-299").used == 299.0
    assert len(health.reports(300.0)) == 20
