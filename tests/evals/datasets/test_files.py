"""Files of rows: formats, mappings, uploads."""

import json

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.clock import ManualClock
from penstock.core.errors import InvalidInput, NotFound, TooLarge
from penstock.core.ids import RandomIds
from penstock.evals.datasets.formats import format_of, read_records
from penstock.evals.datasets.mapping import FieldMapping, mapped, mapped_rows, suggest
from penstock.evals.datasets.types import DatasetRow
from penstock.evals.datasets.uploads import KEPT_SECONDS, Uploads


def written(tmp_path, data, name="rows"):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@pytest.mark.parametrize(
    ("name", "head", "form"),
    [
        ("a.jsonl", b"{}", "jsonl"),
        ("a.CSV", b"a,b", "csv"),
        ("a.tsv", b"a\tb", "csv"),
        ("anything", b"PAR1....", "parquet"),
        ("anything", b'\xef\xbb\xbf {"a": 1}', "jsonl"),
    ],
)
def test_the_format_is_known_by_name_or_by_the_first_bytes(name, head, form):
    assert format_of(name, head) == form


def test_a_format_that_is_not_known_says_which_are():
    with pytest.raises(InvalidInput, match=r"\.jsonl, \.csv or \.parquet"):
        format_of("a.xlsx", b"PK\x03\x04")


@given(st.lists(st.dictionaries(st.text(min_size=1, max_size=5), st.none() | st.integers() | st.text(), max_size=4)))
def test_jsonl_is_read_as_it_was_written(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("jsonl") / "rows"
    path.write_bytes(b"".join(json.dumps(record).encode() + b"\n\n" for record in records))
    assert [record for _, record in read_records(path, "jsonl")] == records


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_read_with_quotes_and_line_breaks_whatever_divides_its_columns(tmp_path, delimiter):
    text = delimiter.join(["question", "answer"]) + "\r\n" + delimiter.join(['"a ""b""\nc"', "1"]) + "\r\n"
    found = list(read_records(written(tmp_path, b"\xef\xbb\xbf" + text.encode()), "csv"))
    assert found == [("line 3", {"question": 'a "b"\nc', "answer": "1"})]


def test_parquet_is_read_with_its_nested_values_and_dates(tmp_path):
    path = tmp_path / "rows.parquet"
    query = "SELECT 1 AS id, {'q': 'why?', 'n': [1, 2]} AS input, DATE '2026-01-02' AS day, 1.5::DECIMAL(4, 2) AS x"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    ((place, record),) = read_records(path, "parquet")
    assert (place, record["input"], str(record["day"])) == ("row 1", {"q": "why?", "n": [1, 2]}, "2026-01-02")
    json.dumps(record)


@pytest.mark.parametrize(
    ("form", "data", "told"),
    [
        ("jsonl", '{"a": 1}\n{"a": \n', "Line 2: expected a JSON object"),
        ("jsonl", '[{"a": 1}]', "Line 1: expected a JSON object"),
        ("jsonl", b'{"a": "\xff"}', "Line 1"),
        ("csv", "a,b\n1\n", "Line 2: expected 2 fields"),
        ("csv", "a,b\n1,2,3\n", "Line 2: expected 2 fields"),
        ("csv", "a,a\n1,2\n", "a name for each column"),
        ("csv", b"a,b\n\xff,2\n", "no CSV in UTF-8"),
        ("parquet", b"PAR1 not really", "no Parquet file"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path, form, data, told):
    with pytest.raises(InvalidInput, match=told):
        list(read_records(written(tmp_path, data), form))


def test_a_mapping_is_suggested_by_what_columns_are_usually_called():
    sample = [{"uid": 7, "Question": "a", "answer": "b", "lang": "de", "tools": '[{"x": 1}]', "Contexts": "c"}]
    mapping = suggest(list(sample[0]), sample)
    assert mapping == FieldMapping(
        input="Question", reference="answer", context="Contexts", id="uid", metadata=["lang", "tools"], json=["tools"]
    )
    row = mapped(sample[0], mapping, place="line 1")
    assert row == DatasetRow(
        id="7", input="a", reference="b", context=["c"], metadata={"lang": "de", "tools": [{"x": 1}]}
    )


def test_a_table_that_was_exported_is_mapped_as_it_was():
    """Objects and lists are JSON there, and what is missing is empty."""
    sample = [
        {"id": "a", "input": "x", "context": '["c"]', "metadata": '{"lang": "de"}', "group": "", "split": "test"},
        {"id": "b", "input": "y", "context": "", "metadata": "", "group": "", "split": ""},
    ]
    mapping = suggest(list(sample[0]), sample)
    assert [mapped(one, mapping, place="line 1") for one in sample] == [
        DatasetRow(id="a", input="x", context=["c"], metadata={"lang": "de"}, split="test"),
        DatasetRow(id="b", input="y"),
    ]


def test_columns_become_objects_and_dots_lead_into_them():
    mapping = FieldMapping(input=["a", "deep.b"], reference="deep.b.c", group="deep.g", metadata="m")
    record = {"a": 1, "deep": {"b": {"c": 2}, "g": 5}, "m": {"x": 1}}
    assert mapped(record, mapping, place="line 1") == DatasetRow(
        input={"a": 1, "deep.b": {"c": 2}}, reference=2, metadata={"x": 1}, group="5"
    )


@pytest.mark.parametrize(
    ("record", "mapping", "told"),
    [
        ({"a": 1}, FieldMapping(input="b"), "Line 4: there is no column 'b'; there are a"),
        ({"a": 1, "m": 2}, FieldMapping(input="a", metadata="m"), "holds no object"),
        ({"a": 1, "i": [1]}, FieldMapping(input="a", id="i"), "holds no text"),
        ({"a": "{"}, FieldMapping(input="a", json=["a"]), "holds no JSON"),
    ],
)
def test_a_mapping_that_does_not_fit_says_where(record, mapping, told):
    with pytest.raises(InvalidInput, match=told):
        list(mapped_rows(iter([("line 4", record)]), mapping))


async def sent(*parts):
    for part in parts:
        yield part


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def uploads(tmp_path, clock):
    return Uploads(tmp_path / "uploads", clock=clock, ids=RandomIds(clock, seed=1))


async def test_an_upload_is_looked_at_and_read_by_the_project_that_sent_it(uploads):
    upload = await uploads.receive("p", "../../x.csv", sent(b"question,answer\n", b"a,1\nb," + b"2" * 3000 + b"\n"))
    preview = uploads.preview("p", upload)
    assert (preview.name, preview.format, preview.columns) == ("x.csv", "csv", ["question", "answer"])
    assert [row.input for row in preview.rows] == ["a", "b"]
    assert len(preview.rows[1].reference) == 2001
    assert len(list(uploads.records("p", upload))) == 2
    again = uploads.preview("p", upload, FieldMapping(input="answer"))
    assert again.rows[0].input == "1"
    with pytest.raises(NotFound):
        uploads.preview("other", upload)
    uploads.drop("p", upload)
    with pytest.raises(NotFound):
        uploads.preview("p", upload)


@pytest.mark.parametrize("name", ["../x", "01234567-0123-0123-0123-0123456789ab", ""])
async def test_an_upload_that_is_none_is_not_found(uploads, name):
    with pytest.raises(NotFound):
        uploads.preview("p", name)


async def test_a_file_that_is_too_large_or_of_no_format_leaves_nothing(uploads, tmp_path):
    with pytest.raises(TooLarge):
        await uploads.receive("p", "x.csv", sent(b"a" * 100), most=50)
    with pytest.raises(InvalidInput):
        await uploads.receive("p", "x", sent(b"nothing"))
    with pytest.raises(InvalidInput, match="Expected a format of"):
        await uploads.receive("p", "x", sent(b"nothing"), form="xlsx")
    assert list((tmp_path / "uploads").iterdir()) == []


async def test_what_nobody_imports_is_forgotten_after_an_hour(uploads, clock, tmp_path):
    upload = await uploads.receive("p", "x.jsonl", sent(b'{"input": "a"}'))
    clock.advance(KEPT_SECONDS + 1)
    uploads.forget_old()
    with pytest.raises(NotFound):
        uploads.preview("p", upload)
    assert list((tmp_path / "uploads").iterdir()) == []


async def test_a_field_that_some_rows_lack_is_missing_there_and_one_that_none_has_is_refused(uploads):
    data = b'{"input": "a", "reference": 1}\n{"input": "b"}\n'
    upload = await uploads.receive("p", "x.jsonl", sent(data))
    assert [row.reference for row in uploads.preview("p", upload).rows] == [1, None]
    wrong = mapped_rows(uploads.records("p", upload), FieldMapping(input="input", reference="anwser"))
    with pytest.raises(InvalidInput, match="No row has a column 'anwser'"):
        list(wrong)
