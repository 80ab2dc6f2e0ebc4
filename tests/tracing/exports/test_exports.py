"""Files are made as fast as they are taken, and no further once the reader has left."""

import asyncio
import csv
import io
import json
import threading

import msgspec
import pytest
from litestar import Litestar
from litestar.di import Provide
from litestar.testing import AsyncTestClient
from pyarrow import parquet

from penstock.core.errors import InvalidInput, RateLimited, Unavailable
from penstock.server.problems import EXCEPTION_HANDLERS
from penstock.store.spans.queries.scores import ScoreFilter
from penstock.store.spans.types import ScoreRow
from penstock.tracing.exports.rows import row_file
from penstock.tracing.exports.service import MOST_AT_ONCE, ExportService
from penstock.tracing.query.names import QueryReader
from penstock.tracing.routes import tracing_router
from penstock.tracing.types import Asked


class Endless:
    """A store whose export never ends by itself."""

    def __init__(self):
        self.made = 0
        self.closed = threading.Event()
        self.asked = None
        self.fail_at = None

    def export(self, window, *, where=None, columns=(), format_="jsonl"):
        self.asked = (window, where, tuple(columns), format_)
        try:
            while True:
                if self.made == self.fail_at:
                    raise Unavailable("The store is down.")
                self.made += 1
                yield b"x" * 1000
        finally:
            self.closed.set()

    def list_scores(self, wanted, *, after=None, limit=50):
        return []


@pytest.fixture
def endless():
    return Endless()


@pytest.fixture
def exports(endless):
    return ExportService(endless, where=QueryReader(lambda project: {}).where, key_names=lambda project: {})


def test_the_conditions_of_a_request_reach_the_store(exports, endless):
    asked = Asked(q="status:error", filters=["route:eq:a"], from_=1, to=2)
    file = exports.spans("p", asked, form="csv", columns=["cost", "tags"])
    window, where, columns, form = endless.asked
    assert (window.project, window.from_, window.to) == ("p", 1, 2)
    assert [term.column for term in where.terms] == ["route", "status"]
    assert (columns, form) == (("cost", "tags"), "csv")
    file.close()


def test_a_piece_is_made_when_it_is_asked_for(exports, endless):
    """FAILURES O2"""
    file = exports.spans("p", Asked(), form="jsonl")
    assert endless.made == 1
    next(file)
    assert endless.made == 1
    next(file)
    assert endless.made == 2
    file.close()
    assert endless.closed.is_set()
    assert list(file) == []


def test_only_so_many_run_at_once(exports):
    """FAILURES O2, O6"""
    running = [exports.spans("p", Asked(), form="jsonl") for _ in range(MOST_AT_ONCE)]
    with pytest.raises(RateLimited) as caught:
        exports.spans("p", Asked(), form="jsonl")
    assert (caught.value.code, caught.value.retry_after) == ("too_many_exports", 10)
    running.pop().close()
    running.append(exports.spans("p", Asked(), form="jsonl"))
    for one in running:
        one.close()


def test_one_that_cannot_begin_holds_nothing(exports, endless):
    endless.fail_at = 0
    for _ in range(MOST_AT_ONCE + 1):
        with pytest.raises(Unavailable):
            exports.spans("p", Asked(), form="jsonl")


@pytest.mark.parametrize(
    ("asked", "columns", "field"),
    [
        (Asked(from_=5, to=5), (), "from"),
        (Asked(q="latency>2"), ("cost",), "q"),
        (Asked(filters=["a:eq:b"]), ("cost",), "filter"),
        (Asked(filters=["status:has"] * 51), ("cost",), "filter"),
        (Asked(), ("cots",), "columns"),
        (Asked(), ("project",), "columns"),
        (Asked(), (), "columns"),
    ],
)
def test_what_cannot_be_exported_is_refused(exports, asked, columns, field):
    with pytest.raises(InvalidInput) as caught:
        exports.spans("p", asked, form="jsonl", columns=columns)
    assert caught.value.field == field


# --- scores -----------------------------------------------------------------------------------


def score(number, **more):
    return ScoreRow(
        id=f"s{number:04}", name="helpful", type="number", number=number, label=None, trace_id="a" * 32, span_id=None,
        session=None, source="user", author=None, comment=None, created=number,
        metadata=msgspec.Raw(b'{"a":[1,2]}'), **more,
    )  # fmt: skip


class Listed(Endless):
    """A store with scores, page by page."""

    def __init__(self, scores):
        super().__init__()
        self.scores = scores
        self.limits = []

    def list_scores(self, wanted, *, after=None, limit=50):
        self.limits.append(limit)
        rest = [one for one in self.scores if after is None or (one.created, one.id) < (after.created, after.id)]
        return rest[:limit]


def file_of(scores, form):
    service = ExportService(Listed(scores), where=lambda *_: None, key_names=lambda project: {})
    return b"".join(service.scores(ScoreFilter(project="p"), form=form))


def test_all_scores_come_once_page_by_page():
    """FAILURES O2"""
    scores = [score(number) for number in reversed(range(2_500))]
    lines = [json.loads(line) for line in file_of(scores, "jsonl").splitlines()]
    assert [line["id"] for line in lines] == [one.id for one in scores]
    assert lines[0]["metadata"] == {"a": [1, 2]}
    assert file_of([], "jsonl") == b""


def test_a_cell_that_a_spreadsheet_would_run_is_text():
    """FAILURES S42"""
    comments = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", 'a "quoted", one\nof two lines', "plain"]
    scores = [msgspec.structs.replace(score(-3), comment=comment) for comment in comments]
    text = b"".join(row_file(ScoreRow, iter([scores]), "csv")).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["comment"] for row in rows] == [
        "'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx", 'a "quoted", one\nof two lines', "plain",
    ]  # fmt: skip
    assert (rows[0]["number"], rows[0]["label"], rows[0]["metadata"]) == ("-3", "", '{"a":[1,2]}')


def test_scores_are_a_table_with_their_own_types():
    table = parquet.read_table(io.BytesIO(file_of([score(2)], "parquet")))
    assert table.to_pylist()[0] == {
        **dict.fromkeys(ScoreRow.__struct_fields__),
        "id": "s0002", "name": "helpful", "type": "number", "number": 2.0, "trace_id": "a" * 32, "source": "user",
        "created": 2, "metadata": '{"a":[1,2]}',
    }  # fmt: skip
    assert [str(table.schema.field(name).type) for name in ("number", "created", "name")] == [
        "double",
        "int64",
        "string",
    ]


# --- over HTTP --------------------------------------------------------------------------------


class Bound:
    def __init__(self, exports):
        self.exports = exports


@pytest.fixture
def app(exports):
    return Litestar(
        [tracing_router()],
        dependencies={
            "project": Provide(lambda: "p", sync_to_thread=False),
            "tracing": Provide(lambda: None, sync_to_thread=False),
            "principal": Provide(lambda: None, sync_to_thread=False),
            "observability": Provide(lambda: Bound(exports), sync_to_thread=False),
        },
        exception_handlers=EXCEPTION_HANDLERS,
    )


class Reader:
    """Takes a response straight from the app, piece by piece."""

    def __init__(self, app, query=""):
        self.room = asyncio.Semaphore(0)
        self.pieces: asyncio.Queue[dict] = asyncio.Queue()
        self.gone = asyncio.Event()
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": "/exports/spans", "raw_path": b"/exports/spans", "query_string": query.encode(), "root_path": "",
            "headers": [], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "app": app,
        }  # fmt: skip
        self.task = asyncio.ensure_future(app(scope, self._receive, self._send))

    async def _receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        await self.pieces.put(message)
        if message["type"] == "http.response.body":
            await self.room.acquire()

    async def take(self):
        return await asyncio.wait_for(self.pieces.get(), 10)


async def test_no_more_is_made_than_the_reader_takes_and_nothing_once_it_has_left(app, endless):
    """FAILURES O2"""
    reader = Reader(app, "format=csv")
    begun = await reader.take()
    headers = {name.decode(): value.decode() for name, value in begun["headers"]}
    assert headers["content-type"] == "text/csv; charset=utf-8"
    assert headers["content-disposition"] == 'attachment; filename="spans.csv"'
    await reader.take()
    for _ in range(3):
        reader.room.release()
        await reader.take()
    assert endless.made == 4
    reader.gone.set()
    await asyncio.wait_for(reader.task, 10)
    await asyncio.wait_for(asyncio.to_thread(endless.closed.wait), 10)
    assert endless.made <= 5


async def test_a_file_that_breaks_off_does_not_end_as_a_whole_one(app, endless):
    endless.fail_at = 2
    reader = Reader(app)
    reader.room.release()
    reader.room.release()
    messages = []
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - a group of the framework's
        await asyncio.wait_for(reader.task, 10)
    while not reader.pieces.empty():
        messages.append(reader.pieces.get_nowait())
    bodies = [message for message in messages if message["type"] == "http.response.body"]
    assert [message["more_body"] for message in bodies] == [True, True]
    assert caught.value is not None
    assert endless.closed.is_set()


async def test_a_wrong_export_is_a_problem_and_no_file(app, endless):
    async with AsyncTestClient(app) as client:
        wrong = await client.get("/exports/spans", params={"q": "latency>2"})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_query")
        assert (await client.get("/exports/spans", params={"format": "xls"})).status_code == 400
        endless.fail_at = 0
        assert (await client.get("/exports/spans")).status_code == 503
        empty = await client.get("/exports/scores", params={"format": "csv"})
        assert empty.text.startswith("id,name,type")


def test_scores_of_a_project_are_asked_for(exports, endless, monkeypatch):
    seen = []
    monkeypatch.setattr(endless, "list_scores", lambda wanted, after, limit: seen.append(wanted) or [])
    assert list(exports.scores(ScoreFilter(project="p", name="helpful"), form="jsonl")) == []
    assert seen == [ScoreFilter(project="p", name="helpful")]
