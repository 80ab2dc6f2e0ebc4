"""Datasets as they are saved, read, edited and compared."""

import tracemalloc

import pytest
from sqlalchemy import func, select

from penstock.core.clock import ManualClock
from penstock.core.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from penstock.core.ids import RandomIds
from penstock.evals.datasets.edits import RowEdits
from penstock.evals.datasets.imports import Imports, NewImport
from penstock.evals.datasets.mapping import FieldMapping
from penstock.evals.datasets.service import SaveTerms
from penstock.evals.datasets.types import DatasetRow, Splits
from penstock.evals.datasets.uploads import Uploads
from penstock.registry.artifacts.types import Draft
from penstock.store.metadata.schema import dataset_chunks, dataset_rows

SPLITS = Splits(shares={"train": 3, "test": 1}, salt="one")


def rows(count, **fields):
    return [DatasetRow(id=f"r{n}", input=f"question {n}", reference=n, **fields) for n in range(count)]


def read(library, version="latest", **options):
    return [row for some in library.datasets.stream(library.ref(), version, **options) for row in some]


def test_rows_come_back_as_they_were_saved_and_in_their_order(library):
    given = [
        DatasetRow(id="a", input={"question": "Wie alt?"}, reference=["x", 1.5, None], context=["one"], group="g"),
        DatasetRow(id="b", input="text " * 400, metadata={"lang": "de"}),
    ]
    saved = library.datasets.save(library.admin, library.ref(), given)
    assert (saved.number, saved.body["rows"]) == (1, 2)
    found = read(library)
    assert [(row.id, row.input, row.reference, row.context, row.group, row.metadata) for row in found] == [
        (row.id, row.input, row.reference, row.context, row.group, row.metadata) for row in given
    ]


def test_saving_the_same_rows_again_is_no_new_version(library):
    library.datasets.save(library.admin, library.ref(), rows(10))
    again = library.datasets.save(library.admin, library.ref(), rows(10))
    assert (again.number, again.outcome) == (1, "unchanged")


def test_versions_share_the_rows_and_chunks_they_have_in_common(library):
    def kept():
        with library.metadata.read() as connection:
            return tuple(connection.execute(select(func.count()).select_from(t)).scalar_one() for t in tables)

    tables = (dataset_rows, dataset_chunks)
    library.datasets.save(library.admin, library.ref(), rows(5000))
    before = kept()
    edits = RowEdits(put=[DatasetRow(id="r77", input="another")])
    library.datasets.edit(library.admin, library.ref(), edits)
    assert (kept()[0] - before[0], kept()[1] - before[1]) == (1, 1)


def test_pages_begin_anywhere(library):
    library.datasets.save(library.admin, library.ref(), rows(1500))
    page = library.datasets.rows(library.ref(), start=1200, limit=200)
    assert [row.id for row in page.items][::199] == ["r1200", "r1399"]
    assert (page.rows, page.positions[0], page.next) == (1500, 1200, 1400)
    last = library.datasets.rows(library.ref(), start=1400, limit=200)
    assert (len(last.items), last.next) == (100, None)
    with pytest.raises(InvalidInput):
        library.datasets.rows(library.ref(), limit=0)


def test_a_split_is_read_by_itself_and_counted(library):
    library.datasets.save(library.admin, library.ref(), rows(400), SaveTerms(splits=SPLITS))
    counts = {one.split: one.rows for one in library.datasets.split_counts(library.ref())}
    assert sum(counts.values()) == 400
    assert 60 < counts["test"] < 140
    test = read(library, split="test")
    assert len(test) == counts["test"]
    assert {row.split for row in test} == {"test"}
    page = library.datasets.rows(library.ref(), split="test", limit=10)
    again = library.datasets.rows(library.ref(), split="test", start=page.next, limit=1000)
    assert [row.id for row in (*page.items, *again.items)] == [row.id for row in test]


def test_rows_stay_in_their_split_while_others_come_and_go(library):
    library.datasets.save(library.admin, library.ref(), rows(300), SaveTerms(splits=SPLITS))
    before = {row.id: row.split for row in read(library)}
    library.datasets.save(library.admin, library.ref(), rows(600)[150:])
    after = {row.id: row.split for row in read(library)}
    assert all(after[id_] == before[id_] for id_ in before.keys() & after.keys())
    assert len(before.keys() & after.keys()) == 150


def test_no_version_moves_a_row_to_another_split_unless_told_to(library):
    library.datasets.save(library.admin, library.ref(), rows(200), SaveTerms(splits=SPLITS))
    other = Splits(shares={"train": 1, "test": 1}, salt="one")
    with pytest.raises(Conflict) as caught:
        library.datasets.save(library.admin, library.ref(), rows(200), SaveTerms(splits=other))
    assert caught.value.code == "split_leak"
    told = library.datasets.save(library.admin, library.ref(), rows(200), SaveTerms(splits=other, resplit=True))
    assert told.number == 2
    assert library.datasets.diff(library.ref(), "1", "2").splits_changed


def test_a_row_of_the_test_split_cannot_come_back_as_one_of_train(library):
    library.datasets.save(library.admin, library.ref(), [DatasetRow(id="a", input="x", split="test")])
    with pytest.raises(Conflict, match="from test to train"):
        library.datasets.save(library.admin, library.ref(), [DatasetRow(id="b", input="x", split="train")])


def test_rows_that_belong_together_cannot_be_torn_apart(library):
    torn = [DatasetRow(id="a", input="x", group="g", split="test"), DatasetRow(id="b", input="y", group="g")]
    with pytest.raises(InvalidInput, match="'a' and 'b' belong together"):
        library.datasets.save(library.admin, library.ref(), torn)


def test_edits_put_delete_and_append_and_leave_the_rest_in_place(library):
    library.datasets.save(library.admin, library.ref(), rows(4))
    edits = RowEdits(put=[DatasetRow(id="r1", input="new"), DatasetRow(id="last", input="end")], delete=["r2"])
    saved = library.datasets.edit(library.admin, library.ref(), edits)
    assert [(row.id, row.input) for row in read(library)] == [
        ("r0", "question 0"),
        ("r1", "new"),
        ("r3", "question 3"),
        ("last", "end"),
    ]
    diff = library.datasets.diff(library.ref(), "1", str(saved.number))
    assert [(one.id, one.change) for one in diff.changes] == [("r2", "removed"), ("r1", "changed"), ("last", "added")]
    contents = library.datasets.contents(library.project, [diff.changes[1].before, diff.changes[1].after])
    assert [row.input for row in contents.values()] == ["question 1", "new"]


@pytest.mark.parametrize(
    ("edits", "error"),
    [
        (RowEdits(), InvalidInput),
        (RowEdits(delete=["nobody"]), NotFound),
        (RowEdits(put=[DatasetRow(id="r1", input="x")], delete=["r1"]), InvalidInput),
    ],
)
def test_edits_that_cannot_be_done_change_nothing(library, edits, error):
    library.datasets.save(library.admin, library.ref(), rows(3))
    with pytest.raises(error):
        library.datasets.edit(library.admin, library.ref(), edits)
    assert library.artifacts.versions.get(library.ref()).number == 1


def test_a_save_on_top_of_what_has_changed_is_refused(library):
    first = library.datasets.save(library.admin, library.ref(), rows(3))
    library.datasets.save(library.admin, library.ref(), rows(4))
    with pytest.raises(PreconditionFailed):
        library.datasets.save(library.admin, library.ref(), rows(5), SaveTerms(expected=first.digest))


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (DatasetRow(id="r1", input="again"), "rows[3].id"),
        (DatasetRow(id="x", input=""), "rows[3].input"),
        (DatasetRow(id="x" * 201, input="a"), "rows[3].id"),
        (DatasetRow(id="x", input="a", split="a b"), "rows[3].split"),
        (DatasetRow(id="x", input="a" * 1_100_000), "rows[3]"),
        (DatasetRow(id="x", input="\udc00"), "rows[3]"),
    ],
)
def test_a_row_that_does_not_fit_is_named_and_nothing_is_saved(library, bad, field):
    with pytest.raises(InvalidInput) as caught:
        library.datasets.save(library.admin, library.ref(), [*rows(3), bad])
    assert caught.value.field == field
    with pytest.raises(NotFound):
        library.datasets.manifest(library.ref())


def test_rows_without_ids_that_ask_the_same_are_told_apart(library):
    library.datasets.save(library.admin, library.ref(), [DatasetRow(input="x", reference=n) for n in range(3)])
    ids = [row.id for row in read(library)]
    assert [id_.removeprefix(ids[0]) for id_ in ids] == ["", "-2", "-3"]


def test_a_body_that_no_rows_were_saved_for_is_refused(library):
    with pytest.raises(InvalidInput, match="made by the server from its rows"):
        library.artifacts.versions.save(
            library.admin, library.ref(), Draft(body={"rows": 5, "chunks": []}), create=True
        )


def test_memory_does_not_grow_with_the_rows(library):
    """FAILURES E3: what is held is ids, not contents."""

    def many(count):
        return (DatasetRow(id=str(n), input=f"{n} " + "word " * 1600) for n in range(count))

    tracemalloc.start()
    library.datasets.save(library.admin, library.ref(), many(4000))
    for _ in library.datasets.stream(library.ref()):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000 < 4000 * 8000 / 3


async def test_what_is_appended_moves_no_row_that_names_its_split(library, tmp_path):
    """Whatever the shares would say of such a row."""
    clock = ManualClock()
    ids = RandomIds(clock, seed=3)
    rows = [DatasetRow(id=str(n), input=f"q{n}", split="test") for n in range(20)]
    splits = Splits(shares={"train": 9, "test": 1}, salt="s")
    library.datasets.save(library.admin, library.ref(), rows, SaveTerms(splits=splits))
    uploads = Uploads(tmp_path / "uploads", clock=clock, ids=ids)
    imports = Imports(library.datasets, uploads, clock=clock, ids=ids)

    async def parts():
        yield b'{"input": "one more"}'

    upload = await uploads.receive(library.project, "x.jsonl", parts())
    new = NewImport(upload=upload, mapping=FieldMapping(input="input"), mode="append")
    begun = imports.start(library.admin, library.ref(), new)
    imports._work._pool.shutdown(wait=True)
    assert imports.get(library.project, begun.id).state == "done"
    counts = {one.split: one.rows for one in library.datasets.split_counts(library.ref())}
    assert counts["test"] >= 20
    own = [row.split for page in library.datasets.stream(library.ref(), own=True) for row in page]
    assert own == ["test"] * 20 + [None]
