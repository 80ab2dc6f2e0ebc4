"""Datasets as files of a working copy: `penstock pull`, edit, `penstock push`."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.cli.dataset_files import SPLITS, read_dataset, save_dataset, summary_of, write_dataset
from penstock.core.clock import ManualClock
from penstock.core.errors import Conflict, InvalidInput
from penstock.core.ids import RandomIds
from penstock.evals.datasets.imports import Imports, NewImport
from penstock.evals.datasets.manifest import Chunker, chunk_digest, encode_chunk
from penstock.evals.datasets.rows import numbered
from penstock.evals.datasets.service import SaveTerms
from penstock.evals.datasets.types import DatasetRow, Splits, row_of
from penstock.evals.datasets.uploads import Uploads


class Served:
    """The routes that files need, over the services."""

    def __init__(self, library, folder):
        clock = ManualClock()
        ids = RandomIds(clock, seed=9)
        self.library = library
        self.uploads = Uploads(folder, clock=clock, ids=ids)
        self.imports = Imports(library.datasets, self.uploads, clock=clock, ids=ids)
        self.work = {}

    def download(self, path, query):
        assert query["own_splits"] == "true"
        for rows in self.library.datasets.stream(self.library.ref(), query["version"], own=True):
            yield msgspec.json.Encoder().encode_lines([row_of(row, split=row.split) for row in rows])

    def upload(self, path, file, size, query):
        async def parts():
            yield file.read(size)

        sending = self.uploads.receive(self.library.project, query["name"], parts(), form=query["format"])
        try:
            sending.send(None)
        except StopIteration as ended:
            return msgspec.json.encode({"upload": ended.value})

    def post(self, path, body, query):
        new = msgspec.convert(msgspec.to_builtins(body), NewImport)
        begun = self.imports.start(self.library.admin, self.library.ref(), new)
        return msgspec.json.encode(begun)

    def get(self, path, query):
        return msgspec.json.encode(self.imports.get(self.library.project, path.rpartition("/")[2]))


@pytest.fixture
def served(library, tmp_path, monkeypatch):
    monkeypatch.setattr("penstock.cli.datasets.POLL_SECONDS", 0.01)
    client = Served(library, tmp_path / "uploads")
    yield client
    client.imports.close()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=6,
)
ROWS = st.lists(
    st.builds(
        DatasetRow,
        input=st.text("xyz", min_size=1, max_size=6) | st.lists(JSON.filter(bool), min_size=1, max_size=2),
        reference=JSON,
        context=st.lists(st.text(max_size=5), max_size=2),
        metadata=st.dictionaries(st.text("abc.", min_size=1, max_size=3), JSON, max_size=2),
    ),
    min_size=1,
    max_size=30,
)


def body_of(library, version="latest"):
    return library.artifacts.versions.get(library.ref(), version).body


@settings(max_examples=25, deadline=None)
@given(rows=ROWS, divided=st.booleans())
def test_a_file_that_was_pulled_is_the_version_it_was_pulled_from(tmp_path_factory, rows, divided):
    """Told by the digest, without asking: whatever the rows hold."""
    path = tmp_path_factory.mktemp("files") / "a.jsonl"
    entries = [entry for entry, _ in numbered(rows)]
    named = [msgspec.structs.replace(row, id=entry.id) for row, entry in zip(rows, entries, strict=True)]
    path.write_bytes(msgspec.json.Encoder().encode_lines(named))
    if divided:
        path.with_name(f"a{SPLITS}").write_text('{"shares": {"x": 1}, "salt": "s"}')
    body = read_dataset(path)
    assert body["rows"] == len(rows)
    chunker = Chunker()
    chunks = [chunk for entry in entries if (chunk := chunker.add(entry))]
    chunks += [rest] if (rest := chunker.rest()) else []
    assert [one["digest"] for one in body["chunks"]] == [chunk_digest(encode_chunk(chunk)) for chunk in chunks]
    assert ("splits" in body) == divided


def test_pull_edit_and_push_save_what_was_edited_and_nothing_else(library, served, tmp_path):
    rows = [DatasetRow(id=str(n), input=f"q{n}", reference=n if n % 2 else None, group="g") for n in range(600)]
    rows[7] = msgspec.structs.replace(rows[7], split="test", group=None)
    splits = Splits(shares={"train": 8, "test": 2}, salt="s")
    library.datasets.save(library.admin, library.ref(), rows, SaveTerms(splits=splits))
    path = tmp_path / "maths.jsonl"
    write_dataset(served, "maths", 1, body_of(library), path, query={})
    assert read_dataset(path) == body_of(library)
    lines = path.read_text().splitlines()
    lines[3] = json.dumps({**json.loads(lines[3]), "reference": "new"})
    path.write_text("\n".join(lines))
    head = library.artifacts.versions.get(library.ref(), "latest").digest
    assert save_dataset(served, "maths", path, expected=head, message="edited", query={}) == 2
    assert read_dataset(path) == body_of(library)
    assert library.datasets.diff(library.ref(), "1", "2").changed == 1
    with pytest.raises(Conflict):
        save_dataset(served, "maths", path, expected=head, message="late", query={})
    assert summary_of(body_of(library)).splitlines()[0] == "rows: 600"
    assert "split test: 2" in summary_of(body_of(library))
    (tmp_path / f"maths{SPLITS}").write_text("{")
    with pytest.raises(InvalidInput):
        read_dataset(path)
