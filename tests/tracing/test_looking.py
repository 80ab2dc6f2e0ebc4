"""Facets, groups, sessions, users and metrics over HTTP, on a real store."""

import csv
import io
import json

import msgspec
import pytest
from litestar import Litestar
from litestar.di import Provide
from litestar.testing import AsyncTestClient
from pyarrow import parquet

from penstock.server.problems import EXCEPTION_HANDLERS
from penstock.store.spans.queries import samples, step_samples
from penstock.testing.journal import PROJECT
from penstock.tracing.routes import tracing_router
from penstock.wire.score import Score

HOUR = 3_600_000_000


class Person:
    kind, id, name, user = "user", "u1", "Ada", "u1"

    def may(self, permission, project, /):
        return True


@pytest.fixture
async def client(service, observability):
    app = Litestar(
        [tracing_router()],
        dependencies={
            "project": Provide(lambda: PROJECT, sync_to_thread=False),
            "tracing": Provide(lambda: service, sync_to_thread=False),
            "observability": Provide(lambda: observability, sync_to_thread=False),
            "principal": Provide(Person, sync_to_thread=False),
        },
        exception_handlers=EXCEPTION_HANDLERS,
    )
    async with AsyncTestClient(app) as client:
        yield client


@pytest.fixture
def ask(client):
    async def ask(path, *, status=200, body=None, method=None, **parameters):
        verb = method or ("GET" if body is None else "POST")
        answer = await client.request(verb, path, params=parameters, json=body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    return ask


@pytest.fixture
def now(clock):
    return clock.now()


@pytest.fixture
def calls(journal, store, now):
    """Four calls of two sessions, in the last hour and before."""
    made = [
        journal.span(started=now - 3 * HOUR, session="s/1", user="h:ada", route="a", key="k1", cost=10,
                     usage_input=5, duration=1_000_000, tags={"env": "prod"}),
        journal.span(started=now - 2_000_000, session="s/1", user="h:ada", route="a", status="error", cost=30,
                     usage_input=7, duration=3_000_000),
        journal.span(started=now - 1_000_000, session="s 2", user="h:bob", route="b", key="k2", cost=20,
                     usage_input=9, duration=2_000_000),
        journal.span(started=now - 1_000, route=None, cost=None),
    ]  # fmt: skip
    store.load([journal.write(*made)])
    return made


async def test_values_of_several_columns_are_of_the_same_calls(ask, calls):
    page = await ask("/facets", columns="route, key,tags.env", q="has:session")
    assert page["items"] == [
        {
            "column": "route",
            "values": [
                {"value": "a", "name": None, "count": 2, "margin": 0},
                {"value": "b", "name": None, "count": 1, "margin": 0},
            ],
        },
        {
            "column": "key",
            "values": [
                {"value": "k1", "name": "laptop", "count": 1, "margin": 0},
                {"value": "k2", "name": None, "count": 1, "margin": 0},
                {"value": None, "name": None, "count": 1, "margin": 0},
            ],
        },
        {
            "column": "tags.env",
            "values": [
                {"value": None, "name": None, "count": 2, "margin": 0},
                {"value": "prod", "name": None, "count": 1, "margin": 0},
            ],
        },
    ]
    one = await ask("/traces/facets", column="route", q="status:error")
    assert one["items"] == [{"value": "a", "count": 1, "margin": 0}]
    for wrong in ("", "input", ",".join(["route"] * 31)):
        assert (await ask("/facets", status=400, columns=wrong))["field"] == "columns"


async def test_counts_under_a_common_word_are_estimates_unless_they_have_to_be_exact(
    ask, journal, store, now, monkeypatch
):
    monkeypatch.setattr(samples, "SAMPLE_SPANS", 90)
    text = msgspec.Raw(b'[{"role":"user","parts":[{"type":"text","content":"a common word"}]}]')
    hours = [now - hour * HOUR for hour in range(1, 41)]
    spans = [journal.span(started=hour + at, route="ab"[at % 2], input=text) for hour in hours for at in range(6)]
    store.load([journal.write(*spans)])

    facets = await ask("/facets", columns="route", q="common")
    assert (facets["estimated"], facets["sample"]) == (True, pytest.approx(16 / 40, abs=0.05))
    assert [(one["value"], one["count"], one["margin"]) for one in facets["items"][0]["values"]] == [
        ("a", 120, 0),
        ("b", 120, 0),
    ]
    groups = await ask("/groups", by="route", q="common")
    assert (groups["estimated"], groups["sample"]) == (True, facets["sample"])
    for path, asked in (("/facets", {"columns": "route"}), ("/groups", {"by": "route"})):
        exact = await ask(path, q="common", exact="true", **asked)
        assert (exact["estimated"], exact["sample"]) == (False, 1.0)
        plain = await ask(path, q="has:route", **asked)
        assert (plain["estimated"], plain["sample"]) == (False, 1.0)


async def test_groups_count_calls_errors_tokens_and_cost(ask, calls):
    page = await ask("/groups", by="route")
    assert [(row["labels"], row["calls"], row["errors"], row["cost"]) for row in page["items"]] == [
        (["a"], 2, 1, 40),
        (["b"], 1, 0, 20),
        ([None], 1, 0, None),
    ]
    pairs = await ask("/groups", by="route,key", q="route:a", limit=1)
    assert len(pairs["items"]) == 1
    named = await ask("/groups", by="key", q="key:laptop", population="spans")
    assert [row["labels"] for row in named["items"]] == [["laptop"]]
    for wrong, field in (("", "by"), ("a,b,c", "by"), ("modle", "by")):
        assert (await ask("/groups", status=400, by=wrong))["field"] == field
    assert (await ask("/groups", status=400, by="cost"))["code"] == "invalid_metric"


async def test_sessions_are_listed_page_by_page_and_each_has_its_calls_in_order(ask, calls):
    page = await ask("/sessions", limit=1, sort="-cost")
    assert page["sort"] == "-cost"
    assert [(row["id"], row["calls"], row["errors"], row["cost"], row["other"]) for row in page["items"]] == [
        ("s/1", 2, 1, 40, "h:ada")
    ]
    rest = await ask("/sessions", limit=1, sort="cost", cursor=page["next_cursor"])
    assert ([row["id"] for row in rest["items"]], rest["next_cursor"]) == (["s 2"], None)
    assert [row["id"] for row in (await ask("/sessions", q="status:error"))["items"]] == ["s/1"]
    whole = await ask("/sessions/s%2F1")
    assert (whole["of"]["id"], whole["of"]["tokens"]) == ("s/1", 12)
    assert [row["span_id"] for row in whole["rows"]] == [calls[0].span_id, calls[1].span_id]
    assert [row["key_name"] for row in whole["rows"]] == ["laptop", None]
    assert (await ask("/sessions/s%202"))["of"]["id"] == "s 2"
    assert whole["next_cursor"] is None
    assert (await ask("/sessions/nobody", status=404))["code"] == "session_not_found"


async def test_users_are_found_by_their_id_and_by_their_hash(ask, calls):
    assert {row["id"] for row in (await ask("/users"))["items"]} == {"h:ada", "h:bob"}
    assert [row["id"] for row in (await ask("/users", q="user:ada"))["items"]] == ["h:ada"]
    for name in ("ada", "h:ada"):
        assert (await ask(f"/users/{name}"))["of"]["calls"] == 2
    assert (await ask("/users/cleo", status=404))["code"] == "user_not_found"


@pytest.mark.parametrize("path", ["/sessions/s%2F1", "/users/h:ada", "/users/ada"])
async def test_calls_of_one_are_paged_from_the_newest_backwards(ask, calls, path):
    newest = await ask(path, limit=1)
    assert [row["span_id"] for row in newest["rows"]] == [calls[1].span_id]
    older = await ask(path, limit=1, cursor=newest["next_cursor"])
    assert [row["span_id"] for row in older["rows"]] == [calls[0].span_id]
    assert [row["key_name"] for row in older["rows"]] == ["laptop"]
    assert older["next_cursor"] is None
    assert newest["of"] == older["of"]
    assert older["of"]["calls"] == 2


@pytest.mark.parametrize(
    ("parameters", "code", "field"),
    [
        ({"limit": 0}, "invalid_input", "limit"),
        ({"limit": 1001}, "invalid_input", "limit"),
        ({"cursor": "x"}, "invalid_cursor", "cursor"),
        ({"cursor": "5:s/1"}, "invalid_cursor", "cursor"),
        ({"cursor": f"{1:x}-{1:017x}"}, "invalid_cursor", "cursor"),
    ],
)
async def test_a_wrong_page_of_calls_is_refused(ask, calls, parameters, code, field):
    for path in ("/sessions/s%2F1", "/users/ada"):
        problem = await ask(path, status=400, **parameters)
        assert (problem["code"], problem["field"]) == (code, field)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"from": 5, "to": 5}, "from"),
        ({"sort": "name"}, "sort"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "9999999999999999999:x"}, "cursor"),
        ({"q": "latency>2"}, "q"),
    ],
)
async def test_a_wrong_question_about_people_is_refused(ask, parameters, field):
    for path in ("/sessions", "/users"):
        assert (await ask(path, status=400, **parameters))["field"] == field


async def test_one_span_has_everything(ask, journal, store, now):
    span = journal.span(started=now, key="k1", attributes=msgspec.Raw(b'{"a":1}'))
    store.load([journal.write(span)])
    found = await ask(f"/traces/{span.trace_id}/spans/{span.span_id.upper()}")
    assert (found["span_id"], found["attributes"], found["key_name"]) == (span.span_id, {"a": 1}, "laptop")
    for wrong in (f"{span.trace_id}/spans/{'f' * 16}", f"{span.trace_id}/spans/x", f"x/spans/{span.span_id}"):
        assert (await ask(f"/traces/{wrong}", status=404))["code"] == "span_not_found"


async def test_a_metric_is_measured_by_group_and_step_with_names_of_keys(ask, calls, now):
    asked = {"aggregation": "sum", "field": "cost", "q": "has:key", "group_by": ["key"], "from": now - 4 * HOUR}
    result = await ask("/metrics/query", body={**asked, "to": now, "step": HOUR})
    assert result["unit"] == "nano_dollars"
    assert {tuple(series["labels"]): series["total"]["value"] for series in result["series"]} == {
        ("laptop",): 10,
        ("k2",): 20,
    }
    share = await ask("/metrics/query", body={"aggregation": "share", "of": "status:error"})
    assert share["series"][0]["total"] == {"t": now - 24 * HOUR, "value": 0.25, "count": 4, "margin": 0}
    spread = await ask("/metrics/distribution", body={"field": "latency", "q": "has:route"})
    assert sum(cell["count"] for cell in spread["cells"]) == 3
    assert (await ask("/metrics/query", status=400, body={"q": "latency>2"}))["field"] == "q"
    assert (await ask("/metrics/query", status=400, body={"agregation": "sum"}))["code"] == "invalid_input"
    assert (await ask("/metrics/catalog"))["aggregations"][0] == "count"


async def test_metrics_under_a_common_word_are_counted_unless_an_estimate_will_do(
    ask, journal, store, now, monkeypatch
):
    monkeypatch.setattr(step_samples, "CHART_SPANS", 90)
    monkeypatch.setattr(step_samples, "LEAST_SPANS", 1)
    text = msgspec.Raw(b'[{"role":"user","parts":[{"type":"text","content":"a common word"}]}]')
    hours = [now - hour * HOUR for hour in range(1, 41)]
    spans = [journal.span(started=hour + at * 60_000_000, input=text) for hour in hours for at in range(8)]
    store.load([journal.write(*spans)])
    asked = {"q": "common", "from": now - 40 * HOUR, "to": now, "step": 4 * HOUR}

    counted = await ask("/metrics/query", body=asked)
    assert (counted["sample"], counted["unknown"], counted["series"][0]["total"]["value"]) == (1.0, 0, 320)
    assert not any(point["margin"] for point in counted["series"][0]["points"])
    found = await ask("/metrics/query", body={**asked, "exact": False})
    assert 0.2 < found["sample"] < 0.6
    (series,) = found["series"]
    # The word is in all that was read, so that nothing is left to doubt but the size of what is not whole.
    assert series["total"]["value"] == pytest.approx(320, abs=series["total"]["margin"])
    assert all(point["margin"] for point in series["points"] if point["count"] > 20)
    spread = await ask("/metrics/distribution", body={**asked, "field": "latency", "exact": False})
    assert spread["sample"] == found["sample"]


async def test_every_dashboard_of_the_set_can_be_asked_of_the_store(ask, calls, now):
    """Each query of each widget, over a day, as the console asks it."""
    for summary in (await ask("/dashboards"))["items"]:
        document = (await ask(f"/dashboards/{summary['id']}"))["document"]
        for widget in document["widgets"]:
            for query in widget["queries"]:
                window = {"from": now - 24 * HOUR, "to": now, "step": HOUR}
                if widget["type"] in {"heatmap", "histogram"}:
                    body = {name: query[name] for name in ("field", "q", "population") if name in query}
                    await ask("/metrics/distribution", body={**body, **window})
                else:
                    body = {name: value for name, value in query.items() if name not in {"label", "buckets"}}
                    await ask("/metrics/query", body={**body, **window})


async def test_a_search_is_completed_with_what_was_seen(ask, calls, monkeypatch, store):
    found = await ask("/query/complete", q="route:", cursor=6)
    assert [(item["insert"], item["count"]) for item in found["items"]] == [("a", 2), ("b", 1)]
    assert found["fault"]["start"] == 6
    assert [item["insert"] for item in (await ask("/query/complete", q="key:lap"))["items"]] == ["laptop"]
    assert [item["insert"] for item in (await ask("/query/complete", q="tag."))["items"]] == ["tags.env:"]
    assert (await ask("/query/complete", q="input:x"))["items"] == []
    store.close()
    monkeypatch.setattr(store, "facets", _down)
    assert (await ask("/query/complete", q="route:"))["items"] == []
    assert (await ask("/query/complete", q="sta"))["items"][0]["insert"] == "status:"


def _down(*_, **__):
    from penstock.core.errors import Unavailable  # noqa: PLC0415 - one use

    raise Unavailable("down")


async def test_names_and_labels_of_scores_are_completed(ask, journal, store, now):
    def score(age, **more):
        given = {"id": f"s{age}", "project": PROJECT, "session": "s", "source": "user", "created": now - age}
        return Score(**given, **more)

    store.load_scores(
        [
            journal.judge(
                score(1, name="tone", type="category", label="angry"),
                score(2, name="tone", type="category", label="very sad"),
                score(3, name="helpful", type="number", number=2),
            )
        ]
    )
    found = await ask("/query/complete", q="score.")
    assert [(item["insert"], item["count"]) for item in found["items"]] == [("score.tone:", 2), ("score.helpful:", 1)]
    assert [item["insert"] for item in (await ask("/query/complete", q="score.tone:"))["items"]] == [
        "angry",
        '"very sad"',
    ]
    assert (await ask("/query/complete", q="score.helpful:"))["items"] == []
    file = await ask("/exports/scores", name="helpful")
    assert (file["id"], file["number"]) == ("s3", 2)


async def test_the_fields_of_the_language_are_listed(ask):
    fields = {field["name"]: field for field in (await ask("/query/fields"))["items"]}
    assert fields["duration"]["aliases"] == ["latency"]
    assert fields["status"]["choices"] == ["ok", "error", "interrupted", "blocked"]
    assert {"tags.NAME", "score.NAME", "attributes.NAME", "text"} <= set(fields)


async def test_dashboards_and_views_over_http(ask, client):
    made = await client.post("/dashboards", json={"name": "Mine", "widgets": []})
    assert (made.status_code, made.headers["etag"]) == (201, '"1"')
    one = made.json()["id"]
    changed = await client.put(
        f"/dashboards/{one}", json={"name": "Ours", "widgets": []}, headers={"if-match": 'W/"1"'}
    )
    assert changed.headers["etag"] == '"2"'
    stale = await client.delete(f"/dashboards/{one}", headers={"if-match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    copy = await ask(f"/dashboards/{one}/duplicate", method="POST", status=201, name="Theirs")
    assert copy["document"]["name"] == "Theirs"
    assert (await ask(f"/dashboards/{one}/reset", method="POST", status=409))["code"] == "not_a_preset"
    await ask(f"/dashboards/{one}", method="DELETE", status=204)
    assert len((await ask("/dashboards/restore", method="POST"))["items"]) == 8

    view = await client.post("/views", json={"name": "Errors", "q": "status:error"})
    assert (view.status_code, view.headers["etag"]) == (201, '"1"')
    found = view.json()["id"]
    assert (await ask(f"/views/{found}"))["document"]["q"] == "status:error"
    await ask(f"/views/{found}", method="PUT", body={"name": "Failures", "shared": True})
    assert [one["document"]["name"] for one in (await ask("/views", page="traces"))["items"]] == ["Failures"]
    assert (await ask("/views", page="users"))["items"] == []
    assert (await ask("/views", status=400, body={"name": "x", "q": "("}))["field"] == "q"
    await ask(f"/views/{found}", method="DELETE", status=204)


async def test_spans_are_exported_as_files(client, calls, journal, store):
    """FAILURES S42"""
    asked = {"q": "route:a", "columns": "route, cost,session"}
    lines = (await client.get("/exports/spans", params=asked)).text.splitlines()
    assert [json.loads(line) for line in lines] == [{"route": "a", "cost": cost, "session": "s/1"} for cost in (10, 30)]
    store.load([journal.write(journal.span(route="=1+1", session="late"))])
    table = await client.get("/exports/spans", params={"format": "csv", "columns": "route", "q": "session:late"})
    assert table.text.splitlines() == ["route", "'=1+1"]
    whole = await client.get("/exports/spans", params={"filter": "route:eq:b"})
    assert json.loads(whole.text)["key"] == "k2"
    binary = await client.get("/exports/spans", params={"format": "parquet"})
    assert (binary.content[:4], binary.content[-4:]) == (b"PAR1", b"PAR1")
    assert (await client.get("/exports/spans", params={"columns": "cots"})).json()["hint"] == "Did you mean 'cost'?"


async def test_calls_and_roots_are_exported_as_they_are_listed(client, ask, calls, journal, store):
    """FAILURES S42"""
    store.load([journal.write(journal.span(route="=1+1", session="late", tags={"env": "prod"}))])
    for asked in ({}, {"q": "route:a"}, {"filter": "session:eq:late"}):
        listed = (await ask("/traces", **asked))["items"]
        lines = (await client.get("/exports/traces", params=asked)).text.splitlines()
        assert [json.loads(line) for line in lines] == listed
    table = (await client.get("/exports/traces", params={"format": "csv", "q": "session:late"})).text
    (row,) = csv.DictReader(io.StringIO(table, newline=""))
    assert (row["route"], row["tags"], row["call"]) == ("'=1+1", '{"env":"prod"}', "true")
    assert row["usage_total"] == str(listed[0]["usage"]["total"])
    binary = await client.get("/exports/traces", params={"format": "parquet"})
    rows = parquet.read_table(io.BytesIO(binary.content)).to_pylist()
    assert [row["span_id"] for row in rows] == [row["span_id"] for row in (await ask("/traces"))["items"]]
    assert dict(rows[0]["tags"]) == {"env": "prod"}
    wrong = await client.get("/exports/traces", params={"from": 5, "to": 5})
    assert (wrong.status_code, wrong.json()["field"]) == (400, "from")
