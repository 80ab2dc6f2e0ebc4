"""Identifiers."""

import uuid

from penstock.core.clock import ManualClock
from penstock.core.ids import RandomIds


def test_ids_of_one_source_sort_in_the_order_they_were_made() -> None:
    clock = ManualClock()
    ids = RandomIds(clock)
    made = [ids.uuid7() for _ in range(1000)]
    clock.advance(0.001)
    made += [ids.uuid7() for _ in range(1000)]
    clock.advance(-5)
    made += [ids.uuid7() for _ in range(10)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_a_uuid7_is_one_by_the_standard_and_holds_its_millisecond() -> None:
    clock = ManualClock(now=1_700_000_000_123_456)
    parsed = uuid.UUID(RandomIds(clock).uuid7())
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == 1_700_000_000_123


def test_trace_and_span_ids_have_opentelemetrys_form() -> None:
    ids = RandomIds(seed=1)
    assert all(len(ids.trace_id()) == 32 and len(ids.span_id()) == 16 for _ in range(100))
