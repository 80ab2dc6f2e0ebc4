"""What gateway workers report, and whether a change is live everywhere."""

import msgspec
import pytest

from penstock.wire.status import WorkerReport

LIMITED = """\
providers: {gpu: {kind: openai, base_url: 'http://127.0.0.1:1/v1', models: [m]}}
limits: [{name: a, on: key, parallel: 1}]
"""


@pytest.fixture
def report(home, clock):
    def report(worker, snapshot, *, ago=0.0, **fields):
        said = WorkerReport(
            worker=worker, pid=1, program="1", started=1, at=clock.now() - round(ago * 1e6), snapshot=snapshot, **fields
        )
        (home.workers / f"{worker}.json").write_bytes(msgspec.json.encode(said))

    return report


def test_a_change_is_live_when_every_worker_that_takes_calls_serves_it(make_registry, report):
    """FAILURES G21."""
    registry = make_registry()
    version = registry.start().version
    assert (registry.state().live, registry.state().waiting_for) == (False, [])
    report("a", version)
    assert registry.state().live
    report("b", version - 1, problem="The snapshot is not readable.")
    state = registry.state()
    assert (state.live, state.waiting_for) == (False, ["b"])
    report("b", version)
    report("draining", version - 1, state="draining")
    report("gone", version - 1, ago=6)
    assert registry.state().live


def test_workers_are_shown_with_what_they_serve_until_they_are_long_gone(make_registry, report, home, caplog):
    registry = make_registry()
    version = registry.start().version
    report("b", version - 1, ago=30)
    report("a", version, in_flight=3)
    report("old", version, ago=601)
    (home.workers / "broken.json").write_bytes(b"{")
    shown = registry.workers()
    assert [(one.worker, one.stale, one.newest, one.in_flight) for one in shown] == [
        ("a", False, True, 3),
        ("b", True, False, 0),
    ]
    assert "broken.json cannot be read" in caplog.text


def test_several_workers_without_redis_are_warned_of_their_limits(make_registry, report, write):
    """FAILURES G12."""
    write(LIMITED)
    registry = make_registry()
    version = registry.start().version
    report("a", version)
    assert registry.state().warnings == []
    report("b", version)
    (warning,) = registry.state().warnings
    assert warning.startswith("There are limits and no Redis: each of the 2 workers counts by itself")
    write(f"{LIMITED}redis: {{url: 'redis://127.0.0.1:1'}}\n")
    registry.reload()
    assert registry.state().warnings == []
