"""Who is told of what, and when: groups, repetition, silences, inhibition, retries, restarts."""

import asyncio

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts_harness import HOUR, MINUTE, SECOND, START, House, threshold
from penstock.alerts.notify.message import format_value
from penstock.alerts.notify.plan import matches
from penstock.alerts.notify.types import NewChannel
from penstock.alerts.types import AlertPolicy, Inhibition, Matcher, MetricSpec, NewSilence
from penstock.core.clock import ManualClock
from penstock.core.errors import Conflict, InvalidInput, NotFound

ERRORS = MetricSpec(aggregation="share", of="status:error")


@pytest.fixture
def told(house: House) -> House:
    house.alerts.channels.create(house.actor, house.project, NewChannel(name="team", url="slack://a/b/c"))
    return house


def watch(house: House, **options):
    return house.create(threshold(0.1), **{"metric": ERRORS, "window": 60, "channels": ["team"], **options})


def broken(house: House, from_: float, to: float, **columns) -> None:
    """Calls of which half fail, from one minute to another; elsewhere all are well."""
    for minute in range(360):
        wrong = from_ <= minute < to
        house.metrics.add(START + minute * MINUTE, times=5, status="error" if wrong else "ok", **columns)
        house.metrics.add(START + minute * MINUTE + 10, times=5, **columns)


def heard(house: House) -> list[str]:
    return [message.title for message in house.ears.heard]


def test_a_channel_is_told_once_that_it_fires_and_once_that_it_is_over(told):
    watch(told, runbook="https://runbook.test")
    broken(told, 5, 30)
    told.run(60)
    assert heard(told) == ["[warning firing] Errors", "[warning resolved] Errors"]
    fired, ended = told.ears.heard
    assert "run book: https://runbook.test" in fired.text
    assert "value 50.00 %, limit 10.00 %" in fired.text
    assert fired.at - (START + 6 * MINUTE) == 30 * SECOND  # the policy's wait
    assert (fired.project, fired.group) == ("default", {"alert": "Errors"})
    assert ended.alerts[0].state == "resolved"


def test_what_is_over_within_the_wait_is_told_to_nobody(told):
    told.alerts.silences.put_policy(told.actor, told.project, AlertPolicy(wait=300))
    watch(told)
    broken(told, 5, 7)
    told.run(30)
    assert heard(told) == []
    assert "firing" in [one.after for one in told.alerts.rules.history(told.project)]


def test_alerts_alike_in_the_labels_go_into_one_notification(told):
    watch(told, group_by=["route"])
    for route in ("a", "b", "c"):
        broken(told, 5, 60, route=route)
    told.run(20)
    (message,) = told.ears.heard
    assert message.title == "[warning 3 firing] Errors"
    assert {alert.labels["route"] for alert in message.alerts} == {"a", "b", "c"}


def test_alerts_that_differ_in_the_labels_do_not(told):
    told.alerts.silences.put_policy(told.actor, told.project, AlertPolicy(group_by=["route"]))
    watch(told, group_by=["route"])
    for route in ("a", "b"):
        broken(told, 5, 60, route=route)
    told.run(20)
    assert sorted(message.group["route"] for message in told.ears.heard) == ["a", "b"]


def test_a_group_that_grows_is_told_again_after_the_interval(told):
    watch(told, group_by=["route"])
    broken(told, 5, 60, route="a")
    broken(told, 7, 60, route="b")
    told.run(20)
    assert heard(told) == ["[warning firing] Errors", "[warning 2 firing] Errors"]
    assert told.ears.heard[1].at - told.ears.heard[0].at == 5 * MINUTE


def test_an_alert_that_goes_on_is_repeated(told):
    told.alerts.silences.put_policy(told.actor, told.project, AlertPolicy(repeat=3600))
    watch(told)
    broken(told, 5, 200)
    told.run(150)
    assert heard(told) == ["[warning firing] Errors"] * 3


def silence(house: House, *matchers: Matcher, hours: float = 1):
    ends = house.clock.now() + int(hours * HOUR)
    return house.alerts.silences.create(
        house.actor, house.project, NewSilence(matchers=list(matchers), comment="maintenance", ends=ends)
    )


def test_a_silence_holds_until_it_ends(told):
    watch(told)
    made = silence(told, Matcher(label="alert", op="=~", value="Err.*"))
    broken(told, 5, 120)
    told.run(30)
    assert heard(told) == []
    (state,) = told.alerts.rules.states(told.project)
    assert (state.state, state.silenced_by) == ("firing", made.id)
    told.run(45)
    assert heard(told) == ["[warning firing] Errors"]
    assert [one.state for one in told.alerts.silences.everything(told.project)] == ["ended"]


def test_a_silence_can_be_ended_and_tells_who_made_it(told):
    watch(told)
    made = silence(told, Matcher(label="alert", value="Errors"))
    assert (made.created_by, made.state) == ("admin", "active")
    broken(told, 5, 120)
    told.run(20)
    told.alerts.silences.end(told.actor, told.project, made.id)
    told.alerts.silences.end(told.actor, told.project, made.id)
    told.run(5)
    assert heard(told) == ["[warning firing] Errors"]
    with pytest.raises(NotFound):
        told.alerts.silences.end(told.actor, told.project, "other")


def test_an_alert_that_ends_while_it_is_silenced_is_told_as_over_where_it_was_told(told):
    watch(told)
    broken(told, 5, 30)
    told.run(15)
    silence(told, Matcher(label="alert", value="Errors"))
    told.run(30)
    assert heard(told) == ["[warning firing] Errors", "[warning resolved] Errors"]


@pytest.mark.parametrize(
    "options",
    [
        {"matchers": []},
        {"comment": ""},
        {"ends": START},
        {"ends": START + 91 * 24 * HOUR},
        {"matchers": [Matcher(label="alert", op="=~", value="(")]},
        {"starts": START + 2 * HOUR},
    ],
)
def test_a_silence_that_cannot_be_is_refused(house, options):
    given = {"matchers": [Matcher(label="alert", value="x")], "comment": "x", "ends": START + HOUR}
    with pytest.raises(InvalidInput):
        house.alerts.silences.create(house.actor, house.project, NewSilence(**{**given, **options}))


def test_a_silence_may_begin_later(house):
    new = NewSilence(
        matchers=[Matcher(label="alert", value="x")], comment="x", starts=START + HOUR, ends=START + 2 * HOUR
    )
    assert house.alerts.silences.create(house.actor, house.project, new).state == "waiting"


def test_what_a_larger_alert_explains_is_inhibited(told):
    told.alerts.silences.put_policy(
        told.actor,
        told.project,
        AlertPolicy(
            inhibitions=[
                Inhibition(
                    source=[Matcher(label="severity", value="critical")],
                    target=[Matcher(label="severity", value="warning")],
                    equal=["team"],
                )
            ]
        ),
    )
    watch(told, name="Everything", severity="critical", labels={"team": "x"})
    watch(told, name="A part", labels={"team": "x"})
    watch(told, name="Another team", labels={"team": "y"})
    broken(told, 5, 60)
    told.run(20)
    assert sorted(heard(told)) == ["[critical firing] Everything", "[warning firing] Another team"]
    assert {one.name: one.inhibited for one in told.alerts.rules.states(told.project)} == {
        "Everything": False,
        "A part": True,
        "Another team": False,
    }


def test_missing_data_does_not_end_what_was_told(told):
    watch(told)
    broken(told, 5, 10)
    told.metrics.calls = [call for call in told.metrics.calls if call["t"] < START + 10 * MINUTE]
    told.run(60)
    assert heard(told) == ["[warning firing] Errors"]
    assert told.states() == ["no_data"]


def test_a_rule_that_is_deleted_while_it_fires_is_told_as_over(told):
    made = watch(told)
    broken(told, 5, 120)
    told.run(15)
    told.alerts.rules.delete(told.actor, told.project, made.id)
    told.run(15)
    assert heard(told) == ["[warning firing] Errors", "[warning resolved] Errors"]
    assert "deleted" in told.ears.heard[1].text


def test_what_could_not_be_sent_is_tried_again_and_then_given_up(told):
    told.ears.failing = "The service did not take it."
    watch(told)
    broken(told, 5, 350)
    told.alerts.silences.put_policy(told.actor, told.project, AlertPolicy(repeat=31 * 24 * 3600))
    told.run(300)
    (channel,) = told.alerts.channels.everything(told.project)
    (delivery,) = told.alerts.channels.deliveries(told.project, channel.id)
    assert (delivery.status, delivery.attempts, delivery.next_try) == ("failed", 6, None)
    assert channel.last_error == delivery.error == "The service did not take it."


def test_a_channel_that_works_again_is_told_late_rather_than_never(told):
    told.ears.failing = "down"
    watch(told)
    broken(told, 5, 350)
    told.run(9)
    told.ears.failing = None
    told.run(30)
    assert heard(told) == ["[warning firing] Errors"]
    (channel,) = told.alerts.channels.everything(told.project)
    (delivery,) = told.alerts.channels.deliveries(told.project, channel.id)
    assert (delivery.status, delivery.error, channel.last_error) == ("sent", None, None)
    assert delivery.attempts > 1
    assert channel.last_sent == delivery.finished


def test_a_restart_tells_nobody_twice_and_loses_nothing_pending(told):
    watch(told, pending_for=600)
    broken(told, 5, 60)
    for _ in range(12):
        told.run(1)
        told.restart()
    assert told.states() == ["pending"]
    for _ in range(48):
        told.run(1)
        told.restart()
    assert heard(told) == ["[warning firing] Errors"]
    fired = next(one for one in told.alerts.rules.history(told.project) if one.after == "firing")
    assert fired.at == START + 16 * MINUTE


def test_times_that_were_missed_are_made_up_for_at_those_times(told):
    """A console that was off sees what happened meanwhile."""
    watch(told, pending_for=300)
    broken(told, 5, 25)
    told.run(2)
    told.clock.advance(18 * 60)
    told.tick()
    assert [(one.after, one.at - START) for one in reversed(told.alerts.rules.history(told.project))] == [
        ("pending", 6 * MINUTE),
        ("firing", 11 * MINUTE),
    ]
    told.run(10)
    assert heard(told) == ["[warning firing] Errors", "[warning resolved] Errors"]


def test_while_spans_wait_to_be_stored_nothing_is_judged(told):
    watch(told, on_no_data="alert")
    broken(told, 500, 501)
    told.run(5)
    told.behind = "9 segments of spans wait to be stored."
    told.metrics.calls.clear()
    told.run(4)
    assert told.states() == ["ok"]
    told.run(3)
    assert told.states() == ["error"]
    assert "segments" in told.alerts.rules.states(told.project)[0].reason
    told.behind = None
    broken(told, 500, 501)
    told.run(3)
    assert told.states() == ["ok"]
    assert heard(told) == []


def test_an_incident_is_opened_once_and_told_of_what_follows(told):
    made = watch(told, group_by=["route"], incident="sev1", steps=["look", "mend"], runbook="https://r.test")
    broken(told, 5, 10, route="a")
    told.run(20)
    told.metrics.calls.clear()
    broken(told, 25, 40, route="a")
    told.run(40)
    (incident,) = told.alerts.incidents.everything(told.project)
    assert (incident.title, incident.severity, incident.rule) == ("Errors: a", "sev1", made.id)
    assert [step.text for step in incident.steps] == ["look", "mend"]
    view = told.alerts.incidents.view(told.project, incident.id)
    assert [event.text.split(",")[0] for event in view.timeline if event.kind == "alert"] == [
        "Alert Errors (route=a): firing",
        "Alert Errors (route=a): resolved",
        "Alert Errors (route=a): firing",
        "Alert Errors (route=a): resolved",
    ]
    assert view.traces == told.traces


async def test_the_job_evaluates_and_sends_and_outlives_errors(told):
    watch(told)
    broken(told, 0, 60)
    heard_it = asyncio.Event()
    looks = 0
    told.metrics.error = RuntimeError("a defect")

    async def pause(_seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 20:
            told.metrics.error = None
        told.clock.advance(10)
        if told.ears.heard:
            heard_it.set()
        await asyncio.sleep(0)

    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        job = tasks.create_task(told.job(pause=pause).run())
        await heard_it.wait()
        job.cancel()
    assert heard(told)[0] == "[warning firing] Errors"


async def test_a_slow_rule_delays_no_other(told):
    slow = watch(told, name="slow", metric=MetricSpec(q="user:slow"))
    watch(told, name="quick")
    broken(told, 0, 60)
    release = asyncio.Event()
    loop = asyncio.get_running_loop()
    real = told.metrics.measure

    def measure(query):
        if "slow" in str(query.where):
            asyncio.run_coroutine_threadsafe(release.wait(), loop).result()
        return real(query)

    told.metrics.measure = measure

    async def pause(_seconds: float) -> None:
        told.clock.advance(10)
        if told.ears.heard:
            release.set()
        await asyncio.sleep(0)

    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        job = tasks.create_task(told.job(pause=pause).run())
        await release.wait()
        assert [state.name for state in told.alerts.rules.states(told.project)] == ["quick"]
        job.cancel()
    assert slow.id


def test_old_deliveries_and_transitions_are_forgotten(told):
    watch(told)
    broken(told, 5, 10)
    told.run(30)
    told.clock.advance(401 * 24 * 3600)
    told.dispatch.tidy()
    (channel,) = told.alerts.channels.everything(told.project)
    assert told.alerts.channels.deliveries(told.project, channel.id) == []
    assert told.alerts.rules.history(told.project) == []


def test_rules_that_ask_the_same_ask_it_once(told):
    for name in ("warning", "critical"):
        watch(told, name=name)
    told.metrics.asked.clear()
    told.run(1)
    assert len([query for query in told.metrics.asked if query.from_ == START]) == 1


@pytest.mark.parametrize(
    ("matcher", "holds"),
    [
        (Matcher(label="route", value="a"), True),
        (Matcher(label="route", op="!=", value="a"), False),
        (Matcher(label="route", op="=~", value="[ab]"), True),
        (Matcher(label="route", op="=~", value="[ab].+"), False),
        (Matcher(label="route", op="!~", value="b|c"), True),
        (Matcher(label="missing", value=""), True),
    ],
)
def test_matchers_hold_of_labels(matcher, holds):
    assert matches([matcher], {"route": "a"}) is holds


@given(value=st.text(), label=st.text())
def test_a_matcher_and_its_opposite_never_agree(value, label):
    labels = {"x": label}
    assert matches([Matcher(label="x", value=value)], labels) != matches(
        [Matcher(label="x", op="!=", value=value)], labels
    )


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "count", "unknown"),
        (1_230_000, "microseconds", "1.23 s"),
        (45_000, "microseconds", "45 ms"),
        (420_000_000, "nano_dollars", "$0.420000"),
        (12_345_000_000_000, "nano_dollars", "$12,345.00"),
        (0.031, "share", "3.10 %"),
        (2.5, "per_second", "2.5/s"),
        (12_345.0, "count", "12,345"),
        (0.5, "score", "0.5"),
    ],
)
def test_values_have_their_unit(value, unit, text):
    assert format_value(value, unit) == text


def test_many_alerts_are_counted_after_the_first_twenty(told):
    watch(told, group_by=["user"])
    for user in range(25):
        broken(told, 5, 20, user=f"user-{user}")
    told.run(10)
    (message,) = told.ears.heard
    assert (len(message.alerts), message.more) == (20, 5)
    assert "and 5 more" in message.text


def test_a_channel_in_use_is_not_deleted_and_a_free_one_is(told):
    made = watch(told)
    (channel,) = told.alerts.channels.everything(told.project)
    assert channel.used_by == ["Errors"]
    with pytest.raises(Conflict):
        told.alerts.channels.delete(told.actor, told.project, channel.id)
    told.change(made, channels=[])
    told.alerts.channels.delete(told.actor, told.project, channel.id)
    assert told.alerts.channels.everything(told.project) == []
    assert told.identity.secrets.everything(told.actor) == []


def test_policies_are_checked_and_kept(house):
    policy = AlertPolicy(group_by=["route"], wait=10, interval=60, repeat=600)
    assert house.alerts.silences.put_policy(house.actor, house.project, policy) == policy
    assert house.alerts.silences.policy(house.project) == policy
    matcher = Matcher(label="x", value="y")
    for wrong in (
        {"wait": -1},
        {"group_by": ["x"] * 11},
        {"group_by": [""]},
        {"inhibitions": [Inhibition(source=[], target=[matcher])]},
        {"inhibitions": [Inhibition(source=[matcher], target=[matcher])] * 51},
    ):
        with pytest.raises(InvalidInput):
            house.alerts.silences.put_policy(house.actor, house.project, msgspec.structs.replace(policy, **wrong))


def test_nothing_is_lost_when_the_clock_stands(tmp_path):
    house = House(tmp_path / "other", clock=ManualClock(START))
    house.tick()
    house.close()
