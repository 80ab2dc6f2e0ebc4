"""The queue between an application and whatever it tells of (FAILURES O7)."""

import os
import threading

import pytest

from penstock.core.clock import ManualClock, SystemClock
from penstock.sdk.outbox import Bounds, Outbox


class Receiver:
    """Takes batches; can be made to hang, to fail, or to wait."""

    def __init__(self):
        self.batches = []
        self.open = threading.Event()
        self.open.set()
        self.began = threading.Event()
        self.arrives = True
        self.error = None

    def __call__(self, batch):
        self.began.set()
        assert self.open.wait(20)
        if self.error is not None:
            raise self.error
        self.batches.append(batch)
        return self.arrives

    @property
    def items(self):
        return [item for batch in self.batches for item in batch]


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.open.set()


@pytest.fixture
def make(receiver):
    made = []

    def make(**bounds):
        clock = ManualClock()
        outbox = Outbox(
            receiver, name="things", weigh=lambda item: len(str(item)), clock=clock, bounds=Bounds(**bounds)
        )
        outbox.clock = clock
        made.append(outbox)
        return outbox

    yield make
    receiver.open.set()
    for outbox in made:
        outbox.close(5)


def test_what_is_put_arrives_in_order_in_batches(make, receiver):
    outbox = make(batch=3)
    for number in range(7):
        assert outbox.put(number)
    assert outbox.flush(5)
    assert receiver.items == list(range(7))
    assert max(len(batch) for batch in receiver.batches) <= 3
    assert outbox.delivery.sent == 7


def test_a_full_batch_goes_without_being_asked(make, receiver):
    outbox = make(batch=2)
    outbox.put(1)
    outbox.put(2)
    assert receiver.began.wait(5)


def test_an_item_is_sent_once_it_has_waited_long_enough():
    arrived = threading.Event()
    outbox = Outbox(
        lambda batch: arrived.set() or True, name="x", weigh=len, clock=SystemClock(), bounds=Bounds(seconds=0.02)
    )
    outbox.put("a")
    assert arrived.wait(5)
    outbox.close(5)


def test_a_hanging_receiver_never_holds_up_who_puts(make, receiver):
    outbox = make(items=10, batch=2)
    receiver.open.clear()
    outbox.put("first")
    outbox.put("second")
    assert receiver.began.wait(5)
    results = [outbox.put(number) for number in range(50)]
    assert results == [True] * 10 + [False] * 40
    assert outbox.delivery.dropped == 40
    assert outbox.delivery.queued == 12
    assert not outbox.flush(0.01)
    receiver.open.set()
    assert outbox.flush(5)
    assert receiver.items == ["first", "second", *range(10)]


def test_a_full_queue_gives_up_what_matters_less(make, receiver):
    outbox = make(items=4, batch=4)
    receiver.open.clear()
    for _ in range(4):
        outbox.put("sent")
    assert receiver.began.wait(5)
    for item in ("leaf 1", "leaf 2"):
        outbox.put(item)
    for item in ("parent 1", "parent 2", "parent 3"):
        outbox.put(item, vital=True)
    assert not outbox.put("leaf 3")
    outbox.put("parent 4", vital=True)
    assert not outbox.put("parent 5", vital=True)
    receiver.open.set()
    assert outbox.flush(5)
    assert receiver.items[4:] == ["parent 1", "parent 2", "parent 3", "parent 4"]
    assert outbox.delivery.dropped == 4


def test_the_memory_of_what_waits_is_bounded_too(make, receiver):
    outbox = make(weight=100, batch_weight=1000)
    for _ in range(3):
        outbox.put("x" * 40)
    assert outbox.delivery == type(outbox.delivery)(queued=2, sent=0, dropped=1, failed=0)
    outbox.flush(5)
    assert outbox.put("x" * 5000)
    assert outbox.flush(5)
    assert receiver.items[-1] == "x" * 5000


def test_a_batch_is_no_heavier_than_it_may_be(make, receiver):
    outbox = make(batch_weight=100)
    receiver.open.clear()
    for _ in range(7):
        outbox.put("x" * 40)
    receiver.open.set()
    assert outbox.flush(5)
    assert max(len(batch) for batch in receiver.batches) <= 2 or len(receiver.batches[0]) == 3


@pytest.mark.parametrize("error", [None, RuntimeError("broken")])
def test_what_could_not_be_delivered_is_counted_and_the_next_goes_on(make, receiver, error, caplog):
    outbox = make()
    receiver.arrives, receiver.error = False, error
    outbox.put("a")
    outbox.flush(5)
    receiver.arrives, receiver.error = True, None
    outbox.put("b")
    assert outbox.flush(5)
    assert (outbox.delivery.failed, outbox.delivery.sent) == (1, 1)
    assert "things" in caplog.text


def test_losses_are_told_now_and_then_and_not_each(make, receiver, caplog):
    outbox = make(items=1, batch=1)
    receiver.open.clear()
    outbox.put("a")
    assert receiver.began.wait(5)
    for number in range(20):
        outbox.put(number)
    assert caplog.text.count("were lost") == 1
    outbox.clock.advance(31)
    outbox.put("z")
    assert caplog.text.count("were lost") == 2


def test_closing_sends_what_waits_and_takes_no_more(make, receiver):
    outbox = make()
    outbox.put("a")
    assert outbox.close(5)
    assert receiver.items == ["a"]
    assert not outbox.put("b")
    assert outbox.delivery.dropped == 1
    assert outbox.close(5)


def test_closing_gives_up_when_time_is_up(make, receiver):
    outbox = make(batch=1)
    receiver.open.clear()
    outbox.put("a")
    assert receiver.began.wait(5)
    outbox.put("b")
    assert not outbox.close(0.01)
    assert outbox.delivery.dropped == 2
    receiver.open.set()
    assert not outbox.close(0.01)


def test_the_end_is_told_once_all_is_sent():
    ended = threading.Event()
    outbox = Outbox(lambda batch: True, name="x", weigh=len, clock=ManualClock(), finish=ended.set)
    outbox.put("a")
    assert outbox.close(5)
    assert ended.wait(5)


def test_nothing_runs_while_nothing_was_put(make):
    before = threading.active_count()
    make()
    assert threading.active_count() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_begins_empty_and_sends_its_own(make, receiver):
    outbox = make()
    outbox.put("parent's")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            outbox._send = lambda batch: os.write(writer, ",".join(batch).encode()) > 0
            outbox.put("child's")
            code = 0 if outbox.flush(5) and outbox.delivery.sent == 1 else 2
        finally:
            os._exit(code)
    os.close(writer)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert os.read(reader, 100) == b"child's"
    os.close(reader)
    assert outbox.flush(5)
    assert receiver.items == ["parent's"]
