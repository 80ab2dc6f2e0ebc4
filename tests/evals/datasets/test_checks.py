"""What is looked at before a dataset is used."""

import random

import pytest

from penstock.core.clock import ManualClock
from penstock.core.errors import InvalidInput, NotFound
from penstock.core.ids import RandomIds
from penstock.evals.datasets.checks.coverage import coverage_of
from penstock.evals.datasets.checks.near import Similar
from penstock.evals.datasets.checks.service import Checks
from penstock.evals.datasets.checks.texts import question_of
from penstock.evals.datasets.checks.types import CoverageWanted, NewCheck
from penstock.evals.datasets.service import SaveTerms
from penstock.evals.datasets.types import DatasetRow, Splits

LONG = "A train leaves the station at seven in the morning and drives eighty kilometres in every hour until noon"


@pytest.fixture
def checks(library):
    clock = ManualClock()
    made = Checks(library.datasets, None, clock=clock, ids=RandomIds(clock, seed=2))
    yield made
    made.close()


def report(checks, library, rows, *, splits=None, **wanted):
    library.datasets.save(library.admin, library.ref(), rows, SaveTerms(splits=splits))
    return checks.report(library.ref(), NewCheck(**wanted), note=lambda **_: None)


def codes(found):
    return {one.code: one for one in found.findings}


def test_a_dataset_without_faults_has_no_problem(checks, library):
    words = [f"{chr(97 + n % 26)}{n}" for n in range(3000)]
    rows = [DatasetRow(input=" ".join(words[n * 12 : n * 12 + 12]), reference=n % 2 == 0) for n in range(200)]
    found = report(checks, library, rows)
    assert found.findings == []
    assert (found.rows, found.near_checked, found.duplicates) == (200, 200, 0)
    assert [(one.value, one.rows) for one in found.labels] == [(True, 100), (False, 100)]
    assert found.characters["p50"] > 20


def test_rows_that_ask_the_same_are_told_apart_by_their_references(checks, library):
    rows = [DatasetRow(id="a", input="x", reference=1), DatasetRow(id="b", input="x", reference=1)]
    rows += [DatasetRow(id="c", input="x", reference=2), DatasetRow(id="d", input={"q": " "})]
    found = codes(report(checks, library, rows))
    assert found["contradiction"].examples == ["c"]
    assert found["duplicate"].rows == 1
    assert (found["blank"].level, found["blank"].examples) == ("problem", ["d"])
    assert found["missing_field"].message == "1 row have no reference, while 3 do."
    assert "small" in found


def test_near_duplicates_are_found_and_leaks_between_splits_named(checks, library):
    rows = [
        DatasetRow(id="a", input=LONG, group="1", split="train"),
        DatasetRow(id="b", input=LONG.replace("noon", "night"), group="2", split="test"),
        DatasetRow(id="c", input=LONG, group="3", split="test"),
        DatasetRow(id="d", input="Something else altogether is asked in this row of the set", split="test"),
    ]
    found = report(checks, library, rows)
    (pair,) = found.near_pairs
    assert (pair.id, pair.of, pair.splits) == ("b", "a", ("test", "train"))
    assert pair.similarity > 0.8
    leak = codes(found)["split_leak"]
    assert (leak.level, leak.rows, sorted(leak.examples)) == ("problem", 2, ["b", "c"])
    assert report(checks, library, rows, similar=None).near_checked == 0


def test_labels_that_are_rare_or_missing_in_a_split_are_named(checks, library):
    rows = [DatasetRow(id=str(n), input=f"q{n}", reference="yes", split="train") for n in range(100)]
    rows += [DatasetRow(id=f"n{n}", input=f"n{n}", reference="no", split="test") for n in range(3)]
    found = codes(report(checks, library, rows, similar=None))
    assert found["rare_label"].rows == 3
    assert found["unbalanced"].rows == 100
    assert "'no'" in found["label_missing"].message or "'yes'" in found["label_missing"].message


@pytest.mark.parametrize("reference", [lambda n: n, lambda n: "x" * 101, lambda n: {"a": 1}])
def test_references_that_are_no_labels_are_not_counted_as_such(checks, library, reference):
    rows = [DatasetRow(id=str(n), input=f"q{n}", reference=reference(n), metadata={"n": n}) for n in range(120)]
    found = report(checks, library, rows, similar=None, splits=Splits(shares={"train": 1, "test": 1}, salt="s"))
    assert found.labels is None
    assert {one.field: one.rows for one in found.fields} == {"reference": 120, "metadata.n": 120}
    assert sum(one.rows for one in found.splits) == 120


def test_similarity_is_told_within_a_few_points():
    similar = Similar(0.5)
    random.seed(1)
    words = [f"w{n}" for n in range(2000)]
    for _ in range(30):
        text = random.choices(words, k=60)
        assert similar.add("a", " ".join(text)) is None
        # Of 58 triples each, 3 differ for a word in the middle.
        changed = [*text[:30], "another", *text[31:]]
        found = similar.add("b", " ".join(changed))
        assert found is not None
        assert abs(found[1] - 55 / 61) < 0.12


def test_short_texts_are_compared_by_their_characters():
    similar = Similar(0.8)
    assert similar.add("a", "refund") is None
    assert similar.add("b", "Refund!") == ("a", 1.0)
    assert similar.add("c", "return") is None
    assert similar.add("d", "?!") is None
    assert similar.add("e", "a") is None


def test_coverage_names_what_production_asks_and_rows_do_not():
    random.seed(2)
    kinds = {
        "refund": ["refund", "money", "order", "return", "parcel", "card", "bank"],
        "password": ["password", "login", "reset", "account", "mail", "link", "browser"],
    }
    questions = [" ".join(random.choices(kinds[kind], k=6)) for kind in kinds for _ in range(100)]
    rows = [" ".join(random.choices(kinds["refund"], k=6)) for _ in range(50)]
    found = coverage_of(questions, rows, near=0.5)
    assert (found.compared, found.rows) == (200, 50)
    assert 0.4 < found.covered < 0.6
    for cluster in found.clusters:
        about = "refund" if set(cluster.terms) & set(kinds["refund"]) else "password"
        assert cluster.covered > 0.8 if about == "refund" else cluster.covered == 0
        assert (cluster.rows > 0) == (about == "refund")
        assert bool(cluster.missing) == (cluster.covered < 1)
    assert sum(cluster.share for cluster in found.clusters) == pytest.approx(1)


def test_coverage_of_nothing_is_none():
    assert coverage_of([], ["x"], near=0.5).covered == 0
    assert coverage_of(["x"], [], near=0.5).clusters == []
    assert coverage_of(["same"] * 30, ["same"], near=0.5).covered == 1


def test_a_check_runs_beside_the_request(checks, library):
    library.datasets.save(library.admin, library.ref(), [DatasetRow(input="x")])
    begun = checks.start(library.ref(), NewCheck(similar=None))
    checks._work._pool.shutdown(wait=True)
    done = checks.get(library.project, begun.id)
    assert (done.state, done.rows, done.report.rows) == ("done", 1, 1)
    with pytest.raises(NotFound):
        checks.get("other", begun.id)


@pytest.mark.parametrize(
    ("new", "error"),
    [
        (NewCheck(similar=0.2), InvalidInput),
        (NewCheck(version="9"), NotFound),
        (NewCheck(coverage=CoverageWanted()), NotFound),
    ],
)
def test_a_check_that_cannot_be_done_is_refused_at_once(checks, library, new, error):
    library.datasets.save(library.admin, library.ref(), [DatasetRow(input="x")])
    with pytest.raises(error):
        checks.start(library.ref(), new)


def test_what_a_row_asks_is_what_users_say():
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
    assert question_of(chat) == "Hi"
    assert question_of({"a": "x", "b": [1, None, True], "url": "no"}) == "x 1"
    assert question_of("x") == "x"
