"""Identical calls in flight cost one."""

import asyncio
import gc

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from penstock.core.errors import PenstockError, Unavailable, UpstreamError
from penstock.gateway.reuse.flights import JOINS, FlightLost, Flights, Follower, Lead
from penstock.wire.answers import CachedAnswer

ANSWER = CachedAnswer(operation="chat", body=b"{}", created=0, provider="up", model="m")
DOWN = UpstreamError("down", upstream_status=503)
REFUSED = UpstreamError("no such model", upstream_status=404, retryable=False)


def start(flights, followers=1, *, form="same"):
    lead = flights.join("p/1", "same")
    assert isinstance(lead, Lead)
    found = [flights.join("p/1", form) for _ in range(followers)]
    assert all(isinstance(one, Follower) for one in found)
    return lead, *found


async def read(follower, into=None):
    pieces = [] if into is None else into
    with follower:
        async for piece in follower.stream():
            pieces.append(piece)
        return b"".join(pieces) + follower.tail


async def turn():
    """Let every task go as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


def assert_clean(flights):
    assert len(flights) == 0
    assert flights.held == 0


async def test_a_hundred_identical_calls_cost_one():
    flights = Flights()
    upstream = []

    async def one():
        seat = flights.join("p/1", False)
        with seat:
            if isinstance(seat, Follower):
                return await seat.wait()
            upstream.append(seat)
            await turn()
            seat.finish(ANSWER)
            return ANSWER

    assert await asyncio.gather(*(one() for _ in range(100))) == [ANSWER] * 100
    assert len(upstream) == 1
    assert_clean(flights)


async def test_calls_that_differ_do_not_join():
    flights = Flights()
    one, other = flights.join("p/1", 0), flights.join("p/2", 0)
    assert isinstance(one, Lead)
    assert isinstance(other, Lead)
    assert len(flights) == 2


async def test_followers_are_given_the_stream_as_it_comes_and_from_its_beginning():
    flights = Flights()
    lead, first = start(flights)
    with lead:
        early, late = [], []
        task = asyncio.create_task(read(first, early))
        lead.publish(b"a")
        lead.publish(b"")
        await turn()
        assert early == [b"a"]
        lead.publish(b"b")
        second = flights.join("p/1", "same")
        assert second.live
        other = asyncio.create_task(read(second, late))
        await turn()
        assert early == late == [b"a", b"b"]
        assert lead.followers == 2
        lead.finish(ANSWER, tail=b"[DONE]")
    assert await task == await other == b"ab[DONE]"
    assert second.answer == ANSWER
    assert_clean(flights)


async def test_a_caller_of_another_form_waits_for_the_whole_answer():
    flights = Flights()
    lead, follower = start(flights, form="whole")
    assert not follower.live
    with lead, follower:
        waiting = asyncio.create_task(follower.wait())
        lead.publish(b"a")
        await turn()
        assert not waiting.done()
        lead.finish(ANSWER)
        assert await waiting == ANSWER
    assert_clean(flights)


async def test_who_comes_after_the_end_leads_the_next_flight():
    flights = Flights()
    lead, follower = start(flights)
    with follower:
        with lead:
            lead.finish(ANSWER)
            assert isinstance(flights.join("p/1", "same"), Lead)
        assert await follower.wait() == ANSWER


async def test_a_failed_lead_sends_its_followers_to_try_again_and_one_of_them_leads():
    flights = Flights()
    attempts = 0

    async def one():
        nonlocal attempts
        error = None
        for _ in range(JOINS):
            seat = flights.join("p/1", False)
            with seat:
                if isinstance(seat, Lead):
                    attempts += 1
                    number = attempts
                    await turn()
                    if number == 1:
                        seat.fail(DOWN)
                        return "failed"
                    seat.finish(ANSWER)
                    return "answered"
                try:
                    await seat.wait()
                except FlightLost as lost:
                    error = lost.error
                else:
                    return "joined"
        raise AssertionError(error)

    told = await asyncio.gather(*(one() for _ in range(20)))
    assert sorted(told) == ["answered", "failed"] + ["joined"] * 18
    assert attempts == 2
    assert_clean(flights)


@pytest.mark.parametrize("live", [True, False])
async def test_a_refusal_of_the_question_itself_is_told_to_all(live):
    """FAILURES G16"""
    flights = Flights()
    lead, follower = start(flights, form="same" if live else "other")
    with lead:
        lead.fail(REFUSED)
    with pytest.raises(UpstreamError, match="no such model"):
        await (read(follower) if live else follower.wait())
    follower.leave()
    assert_clean(flights)


async def test_a_lead_that_fails_after_content_fails_the_streams_that_were_given_some():
    """FAILURES G15"""
    flights = Flights()
    lead, reader, idle = start(flights, 2)
    with lead:
        pieces = []
        task = asyncio.create_task(read(reader, pieces))
        lead.publish(b"a")
        await turn()
        lead.fail(DOWN)
    with pytest.raises(UpstreamError, match="down"):
        await task
    assert pieces == [b"a"]
    with pytest.raises(FlightLost) as lost:
        await read(idle)
    assert lost.value.error is DOWN
    assert_clean(flights)


async def test_an_answer_that_is_not_known_as_a_whole_sends_who_waits_on_its_own():
    flights = Flights()
    lead, follower = start(flights, form="other")
    with lead, follower:
        lead.finish(None)
        with pytest.raises(FlightLost) as lost:
            await follower.wait()
    assert lost.value.error is None


async def test_the_call_goes_on_for_its_followers_when_the_leads_caller_leaves():
    """FAILURES G13"""
    flights = Flights()
    lead, follower = start(flights)
    cancelled = []
    with lead:
        assert lead.leave(lambda: cancelled.append(1))
        task = asyncio.create_task(read(follower))
        lead.publish(b"a")
        await turn()
        lead.finish(ANSWER)
    assert await task == b"a"
    assert not cancelled
    assert_clean(flights)


async def test_the_call_is_stopped_when_its_last_follower_has_left_too():
    """FAILURES G13"""
    flights = Flights()
    lead, one, other = start(flights, 2)
    cancelled = []
    with lead:
        assert lead.leave(lambda: cancelled.append(1))
        one.leave()
        one.leave()
        assert not cancelled
        other.leave()
        assert cancelled == [1]
        assert isinstance(flights.join("p/1", "same"), Lead), "nobody joins a call that is being stopped"
    assert flights.held == 0


async def test_a_lead_that_nobody_follows_is_stopped_at_once_and_cannot_be_joined():
    """FAILURES G13"""
    flights = Flights()
    lead = flights.join("p/1", "same")
    assert isinstance(lead, Lead)
    with lead:
        lead.publish(b"a")
        assert not lead.leave(lambda: None)
        assert_clean(flights)
        lead.finish(ANSWER)
        assert not lead.leave(lambda: None)


@pytest.mark.parametrize("error", [RuntimeError("defect"), asyncio.CancelledError(), DOWN])
async def test_a_lead_that_is_left_unsettled_has_failed(error):
    flights = Flights()
    lead, follower = start(flights)

    async def run():
        with lead:
            raise error

    with pytest.raises(type(error)):
        await run()
    with pytest.raises(FlightLost) as lost:
        await follower.wait()
    assert isinstance(lost.value.error, PenstockError)
    follower.leave()
    assert_clean(flights)


async def test_what_comes_after_the_end_is_passed_over():
    flights = Flights()
    lead, follower = start(flights)
    with lead, follower:
        lead.finish(ANSWER)
        lead.publish(b"late")
        lead.fail(DOWN)
        lead.finish(None)
        assert await follower.wait() == ANSWER
    assert_clean(flights)


@pytest.mark.parametrize("live", [True, False])
async def test_a_follower_that_is_cancelled_leaves_nothing_behind(live):
    flights = Flights()
    lead, follower = start(flights)
    with lead:

        async def follow():
            with follower:
                await (anext(follower.stream()) if live else follower.wait())

        task = asyncio.create_task(follow())
        await turn()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert lead.followers == 0
        lead.publish(b"a")
        lead.finish(ANSWER)
    assert_clean(flights)
    gc.collect()


async def test_a_flight_over_its_bound_takes_no_more_followers_and_forgets_what_was_read():
    """FAILURES G9"""
    flights = Flights(flight_bytes=10)
    lead, follower = start(flights)
    with lead:
        task = asyncio.create_task(read(follower))
        for _ in range(20):
            lead.publish(b"12345")
            await turn()
            assert flights.held <= 15
        assert isinstance(flights.join("p/1", "same"), Lead)
        lead.finish(None, tail=b"!")
    assert await task == b"12345" * 20 + b"!"
    assert flights.held == 0


async def test_a_stream_over_its_bound_that_nobody_follows_is_not_kept():
    """FAILURES G9"""
    flights = Flights(flight_bytes=10)
    lead = flights.join("p/1", "same")
    assert isinstance(lead, Lead)
    with lead:
        for _ in range(20):
            lead.publish(b"12345")
        assert_clean(flights)
        lead.finish(None)


async def test_a_follower_that_falls_too_far_behind_is_dropped_and_holds_nobody_up():
    """FAILURES G9"""
    flights = Flights(flight_bytes=10)
    lead, slow, never = start(flights, 2)
    with lead:
        stream = slow.stream()
        lead.publish(b"123")
        assert await anext(stream) == b"123"
        for _ in range(20):
            lead.publish(b"45678")
        assert flights.held == 0
        assert lead.followers == 0
        with pytest.raises(Unavailable, match="faster than this caller"):
            await anext(stream)
        with pytest.raises(FlightLost) as lost:
            await read(never)
        assert lost.value.error is None


async def test_all_flights_together_are_bounded():
    """FAILURES G9"""
    flights = Flights(flight_bytes=100, all_bytes=250)
    leads = [flights.join(f"p/{number}", 0) for number in range(10)]
    for _ in range(9):
        for lead in leads:
            assert isinstance(lead, Lead)
            lead.publish(bytes(10))
            assert flights.held <= 250 + 10
    for lead in leads:
        assert isinstance(lead, Lead)
        lead.finish(ANSWER)
    assert_clean(flights)


class AnyOrder(RuleBasedStateMachine):
    """Leads and followers come, read, fail and leave in any order: nothing leaks, nobody is given a wrong byte."""

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.flights = Flights(flight_bytes=8)
        self.leads = []
        self.readers = []

    def teardown(self):
        for lead, _ in self.leads:
            lead.fail(DOWN)
        for follower, _, _, _ in self.readers:
            follower.leave()
        assert_clean(self.flights)
        self.loop.close()

    @rule()
    def join(self):
        seat = self.flights.join("p/1", 0)
        if isinstance(seat, Lead):
            self.leads.append((seat, []))
        else:
            lead = next(entry for entry in self.leads if entry[0]._flight is seat._flight)
            self.readers.append((seat, lead[1], [], seat.stream()))

    @precondition(lambda self: self.leads)
    @rule(data=st.data(), piece=st.binary(min_size=1, max_size=5))
    def publish(self, data, piece):
        lead, sent = data.draw(st.sampled_from(self.leads))
        lead.publish(piece)
        sent.append(piece)

    @precondition(lambda self: self.leads)
    @rule(data=st.data(), how=st.sampled_from(["finish", "fail", "leave"]))
    def settle(self, data, how):
        entry = data.draw(st.sampled_from(self.leads))
        lead = entry[0]
        match how:
            case "finish":
                lead.finish(ANSWER)
            case "fail":
                lead.fail(DOWN)
            case _ if lead.leave(lambda: lead.fail(DOWN)):
                return
            case _:
                lead.fail(DOWN)
        self.leads.remove(entry)

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def read(self, data):
        entry = data.draw(st.sampled_from(self.readers))
        follower, _, read, stream = entry

        async def some():
            try:
                async with asyncio.timeout(0):
                    read.append(await anext(stream))
            except TimeoutError:
                return False
            except (FlightLost, PenstockError, StopAsyncIteration):
                return True
            return False

        if self.loop.run_until_complete(some()):
            follower.leave()
            self.readers.remove(entry)

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def leave(self, data):
        entry = data.draw(st.sampled_from(self.readers))
        entry[0].leave()
        self.readers.remove(entry)

    @invariant()
    def what_is_read_is_what_was_sent(self):
        for _, sent, read, _ in self.readers:
            assert read == sent[: len(read)]

    @invariant()
    def what_is_held_is_counted(self):
        assert self.flights.held >= 0
        if not self.leads and not self.readers:
            assert_clean(self.flights)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
