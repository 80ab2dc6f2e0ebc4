import pytest

from penstock.core.errors import Unavailable
from penstock.testing.journal import PROJECT
from penstock.tracing.retention.disk import DiskWatch

OTHER = "01990000-0000-7000-8000-000000000002"


@pytest.fixture
def disk(store, home, clock):
    return DiskWatch(store, home=home, clock=clock)


def test_every_part_of_the_home_is_counted(disk, store, journal, applications, home, clock):
    """FAILURES O9."""
    path = journal.write(*[journal.span() for _ in range(3)], journal.span(project=OTHER))
    store.load([path])
    store.compact()
    waiting = applications.write(applications.span(source="otlp"))
    (home.scores / "reserve-0123456789abcdef").write_bytes(b"room that a writer has set aside")

    state = disk.state(lambda project: project == PROJECT)

    assert state.journal_bytes == path.stat().st_size
    assert state.intake_bytes == waiting.stat().st_size
    assert state.waiting_score_bytes == 0
    assert state.spans_bytes > state.rows_bytes > 0
    assert state.free_bytes > 0
    assert [(one.id, one.spans) for one in state.projects] == [(PROJECT, 3)]


def test_the_store_is_asked_once_a_minute(disk, store, journal, clock):
    everything = lambda project: True  # noqa: E731 - a word for it
    store.load([journal.write(journal.span())])
    assert disk.state(everything).projects[0].spans == 1
    store.load([journal.write(journal.span())])

    assert disk.state(everything).projects[0].spans == 1
    clock.advance(61)
    assert disk.state(everything).projects[0].spans == 2


def test_while_the_store_is_down_the_rest_is_told(disk, store, monkeypatch):
    def down():
        raise Unavailable("Down.")

    monkeypatch.setattr(store, "disk_use", down)

    state = disk.state(lambda project: True)

    assert (state.rows_bytes, state.growth_bytes, state.projects) == (None, None, [])
    assert state.free_bytes > 0
