"""Health of targets, merged over workers."""

from penstock.registry.targets import merge_targets
from penstock.registry.types import WorkerView
from penstock.wire.status import TargetReport, Transition


def worker(name, *targets, stale=False):
    return WorkerView(
        worker=name, pid=1, program="1", started=1, at=1, snapshot=1, targets=targets, stale=stale, newest=True
    )


def test_a_target_that_is_out_on_one_worker_is_out_with_its_reason_since_then():
    well = TargetReport(target="up/m/large", attempts=30, errors=0, in_flight=2, latency=0.2, p95=0.5)
    out = TargetReport(
        target="up/m/large",
        state="open",
        reason="6 of 10 attempts failed",
        since=77,
        attempts=10,
        errors=6,
        in_flight=1,
        latency=0.6,
        p95=2.0,
        keys_aside=("backup: 401",),
        history=(Transition(at=77, state="open", reason="6 of 10 attempts failed"),),
    )
    (target,) = merge_targets([worker("a", well), worker("b", out)])
    assert (target.provider, target.model, target.state, target.out) == ("up", "m/large", "open", 1)
    assert (target.reason, target.since) == ("6 of 10 attempts failed", 77)
    assert (target.attempts, target.errors, target.error_rate, target.in_flight) == (40, 6, 0.15, 3)
    assert (round(target.latency, 9), target.p95, target.keys_aside) == (0.3, 2.0, ["backup: 401"])
    assert [(one.worker, one.state) for one in target.workers] == [("a", "closed"), ("b", "open")]
    assert [(change.worker, change.at, change.state) for change in target.history] == [("b", 77, "open")]


def test_of_equally_bad_workers_the_first_to_say_so_gives_the_reason():
    first, later = (
        TargetReport(target="up/m", state="half_open", reason=f"since {since}", since=since) for since in (5, 9)
    )
    (target,) = merge_targets([worker("a", later), worker("b", first)])
    assert (target.state, target.since, target.reason, target.out) == ("half_open", 5, "since 5", 2)


def test_those_that_are_out_come_first_and_a_stale_worker_is_not_heard():
    found = merge_targets(
        [
            worker(
                "a", TargetReport(target="b/m"), TargetReport(target="a/m"), TargetReport(target="z/m", state="open")
            ),
            worker("gone", TargetReport(target="a/m", state="open"), stale=True),
        ]
    )
    assert [(target.target, target.state) for target in found] == [
        ("z/m", "open"),
        ("a/m", "closed"),
        ("b/m", "closed"),
    ]
    assert (found[1].error_rate, found[1].latency, found[1].p95, found[1].since) == (None, None, None, None)


def test_history_is_that_of_all_workers_in_order_and_bounded():
    """FAILURES G9."""
    reports = [
        TargetReport(
            target="up/m", history=tuple(Transition(at=at, state="open", reason="r") for at in range(first, 140, 2))
        )
        for first in (0, 1)
    ]
    (target,) = merge_targets([worker("a", reports[0]), worker("b", reports[1])])
    assert [change.at for change in target.history] == list(range(40, 140))
