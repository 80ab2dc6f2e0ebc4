"""Versions of a dataset share what they have in common."""

from hypothesis import given
from hypothesis import strategies as st

from penstock.evals.datasets.manifest import (
    LEAST,
    MOST,
    Chunker,
    chunk_digest,
    decode_chunk,
    diff_rows,
    encode_chunk,
    entry_of,
    row_data,
)
from penstock.evals.datasets.types import Chunk, DatasetRow, Manifest


def row(number, text=None, **fields):
    return DatasetRow(id=f"row-{number}", input=text or f"question {number}", **fields)


class Shelf:
    """Chunks by digest."""

    def __init__(self):
        self.chunks = {}
        self.read = []

    def manifest(self, rows):
        chunker, chunks = Chunker(), []

        def keep(entries):
            data = encode_chunk(entries)
            self.chunks[chunk_digest(data)] = data
            chunks.append(Chunk(digest=chunk_digest(data), rows=len(entries)))

        for one in rows:
            if done := chunker.add(entry_of(one, row_data(one))):
                keep(done)
        if rest := chunker.rest():
            keep(rest)
        return Manifest(rows=len(rows), chunks=chunks)

    def __call__(self, digest):
        self.read.append(digest)
        return decode_chunk(self.chunks[digest])


def test_a_changed_row_changes_one_chunk_and_the_others_are_not_even_read():
    shelf = Shelf()
    rows = [row(number) for number in range(20_000)]
    before = shelf.manifest(rows)
    rows[7_000] = row(7_000, "another question")
    after = shelf.manifest(rows)
    assert len({one.digest for one in after.chunks} - {one.digest for one in before.chunks}) == 1
    diff = diff_rows(before, after, shelf)
    assert (diff.added, diff.removed, diff.changed) == (0, 0, 1)
    assert [change.id for change in diff.changes] == ["row-7000"]
    assert len(shelf.read) == 2
    sizes = [chunk.rows for chunk in before.chunks]
    assert all(LEAST <= size <= MOST for size in sizes[:-1])
    assert 40 < len(sizes) < 200


def test_rows_added_at_the_front_leave_nearly_all_chunks_as_they_are():
    shelf = Shelf()
    rows = [row(number) for number in range(20_000)]
    before = shelf.manifest(rows)
    after = shelf.manifest([row("new-1"), row("new-2"), *rows])
    assert len({one.digest for one in after.chunks} - {one.digest for one in before.chunks}) <= 3


@given(
    st.dictionaries(st.integers(0, 300), st.sampled_from("abc"), max_size=120),
    st.dictionaries(st.integers(0, 300), st.sampled_from("abc"), max_size=120),
    st.randoms(use_true_random=False),
)
def test_a_diff_tells_exactly_what_differs_whatever_the_order(old, new, random):
    shelf = Shelf()
    later = list(new.items())
    random.shuffle(later)
    before = shelf.manifest([row(number, text) for number, text in old.items()])
    after = shelf.manifest([row(number, text) for number, text in later])
    diff = diff_rows(before, after, shelf)
    told = {(change.id, change.change) for change in diff.changes}
    assert told == {
        *((f"row-{n}", "added") for n in new.keys() - old.keys()),
        *((f"row-{n}", "removed") for n in old.keys() - new.keys()),
        *((f"row-{n}", "changed") for n in old.keys() & new.keys() if old[n] != new[n]),
    }
    assert diff.added + diff.removed + diff.changed == len(diff.changes)


def test_a_diff_lists_no_more_than_it_is_asked_for_and_counts_all():
    shelf = Shelf()
    diff = diff_rows(Manifest(rows=0), shelf.manifest([row(n) for n in range(100)]), shelf, most=3)
    assert (diff.added, len(diff.changes)) == (100, 3)


def test_a_row_without_an_id_is_given_one_by_its_input():
    one = DatasetRow(input={"b": 1, "a": 2}, reference="x")
    other = DatasetRow(input={"a": 2, "b": 1}, reference="y")
    assert entry_of(one, row_data(one)).id == entry_of(other, row_data(other)).id
    assert entry_of(one, row_data(one)).digest != entry_of(other, row_data(other)).digest


def test_the_content_of_a_row_is_the_same_whatever_its_id_and_split():
    assert row_data(row(1, "same", split="test")) == row_data(row(2, "same"))
