"""Rows of a dataset, found by words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput
from penstock.evals.datasets import search, service
from penstock.evals.datasets.search import has_words, words_of
from penstock.evals.datasets.types import DatasetRow, StoredRow


@pytest.fixture
def saved(library):
    rows = [
        DatasetRow(id=f"r{n}", input={"Question": f"How is order {n} paid?"}, reference=n % 3 == 0,
                   context=["100% of_it"] if n % 50 == 0 else [], metadata={"lang": "PL" if n % 2 else "en"})
        for n in range(700)
    ]  # fmt: skip
    library.datasets.save(library.admin, library.ref(), rows)
    return library.datasets


def found(datasets, library, q, **options):
    """All pages: the ids, and how many pages there were."""
    ids, pages, start = [], 0, 0
    while start is not None:
        page = datasets.rows(library.ref(), q=q, start=start, **options)
        assert len(page.positions) == len(page.items) <= options.get("limit", 100)
        ids += [row.id for row in page.items]
        pages, start = pages + 1, page.next
    return ids, pages


def test_rows_hold_all_words_wherever_they_stand(saved, library):
    ids, _ = found(saved, library, "ORDER pl true")
    assert ids == [f"r{n}" for n in range(700) if n % 2 and n % 3 == 0]
    assert found(saved, library, "question order r77")[0] == ["r77"]
    # Nothing of it is a pattern.
    assert len(found(saved, library, "100% of_it")[0]) == 14
    assert found(saved, library, "o%r")[0] == []
    assert len(found(saved, library, "  ")[0]) == 700


def test_pages_give_each_row_once_also_where_they_end_for_what_they_looked_at(saved, library, monkeypatch):
    wanted = [f"r{n}" for n in range(0, 700, 50)]
    assert found(saved, library, "100%", limit=5) == (wanted, 3)
    monkeypatch.setattr(service, "LOOKED_AT", 200)
    ids, pages = found(saved, library, "100%", limit=5)
    assert (ids, pages) == (wanted, 4)
    ids, pages = found(saved, library, "r699")
    assert (ids, pages) == (["r699"], 4)


def test_a_search_stays_within_a_split(library):
    rows = [
        DatasetRow(id=f"r{n}", input=f"refund {n}" if n % 2 else f"other {n}", split="test" if n < 10 else "train")
        for n in range(40)
    ]
    library.datasets.save(library.admin, library.ref(), rows)
    assert found(library.datasets, library, "refund", split="test")[0] == ["r1", "r3", "r5", "r7", "r9"]
    assert len(found(library.datasets, library, "refund train")[0]) == 15


def test_a_search_is_bounded():
    with pytest.raises(InvalidInput) as caught:
        words_of(" ".join(map(str, range(search.MAX_WORDS + 1))))
    assert caught.value.field == "q"
    with pytest.raises(InvalidInput):
        words_of("x" * 1001)
    assert words_of(None) == []


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)
)


@given(json, st.text(min_size=1, alphabet=st.characters(blacklist_categories=["Cs"])))
def test_what_stands_in_a_row_is_found_and_what_does_not_is_not(value, word):
    row = StoredRow(id="\0", input={"a": [value, {"b": f"«{word}»"}]}, digest="d")
    assert has_words(row, words_of(word))
    assert not has_words(row, ["\uffff\ufffe"])
