"""Dashboards: the set that every project begins with, and what people make of it."""

import msgspec
import pytest

from penstock.core.clock import ManualClock
from penstock.core.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from penstock.core.ids import SequentialIds
from penstock.store.metadata.schema import audit, dashboards
from penstock.tracing.dashboards.checks import check_document
from penstock.tracing.dashboards.presets import PRESETS
from penstock.tracing.dashboards.service import Dashboards
from penstock.tracing.dashboards.types import Box, DashboardDocument, Widget, WidgetQuery

COUNT = Widget(title="Calls", type="number", queries=[WidgetQuery()])


class Ada:
    kind, id, name, user = "user", "u1", "Ada", "u1"

    def may(self, permission, project, /):
        return True


ADA = Ada()


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def kept(metadata, clock):
    return Dashboards(metadata, clock=clock, ids=SequentialIds())


def page(name="Mine", *widgets, **more):
    return DashboardDocument(name=name, widgets=list(widgets) or [COUNT], **more)


def test_a_project_is_given_its_set_once_and_each_can_be_shown(kept):
    first = kept.listed("p")
    assert [one.preset for one in first] == list(PRESETS)
    assert [one.name for one in first] == ["Latency", "Tokens", "Cost", "Errors", "Quality", "Retrieval", "Safety"]
    assert all(one.widgets >= 8 and one.updated_by == "penstock" for one in first)
    assert kept.listed("p") == first
    assert not {one.id for one in kept.listed("q")} & {one.id for one in first}
    for document in PRESETS.values():
        check_document(document)
        places = [(w.layout.x + dx, w.layout.y + dy) for w in document.widgets for dx in range(w.layout.w)
                  for dy in range(w.layout.h)]  # fmt: skip
        assert len(places) == len(set(places)), f"widgets of {document.name} lie on one another"


def test_one_lives_from_making_to_deleting(kept, clock, metadata):
    made = kept.create(ADA, "p", page(description="What I look at", q="route:a"))
    assert (made.version, made.preset, made.created_by) == (1, None, "Ada")
    clock.advance(60)
    changed = kept.replace(ADA, "p", made.id, page("Ours"), expected="1")
    assert (changed.version, changed.document.name) == (2, "Ours")
    assert changed.updated - changed.created == 60_000_000
    assert kept.replace(ADA, "p", made.id, page("Ours")) == changed
    assert kept.get("p", made.id) == changed
    assert kept.listed("p")[-1].name == "Ours"
    with pytest.raises(PreconditionFailed, match="Version 1 was expected, and it is in version 2, last written by Ada"):
        kept.replace(ADA, "p", made.id, page("Other"), expected="1")
    with pytest.raises(PreconditionFailed):
        kept.delete(ADA, "p", made.id, expected="1")
    kept.delete(ADA, "p", made.id, expected="*")
    with pytest.raises(NotFound):
        kept.get("p", made.id)
    with metadata.read() as connection:
        acts = [row.action for row in connection.execute(audit.select().order_by(audit.c.id))]
    assert acts == ["dashboard.create", "dashboard.update", "dashboard.delete"]


def test_those_of_another_project_are_not_there(kept):
    """FAILURES S39"""
    theirs = kept.listed("theirs")[0].id
    for act in (
        lambda: kept.get("p", theirs),
        lambda: kept.replace(ADA, "p", theirs, page()),
        lambda: kept.delete(ADA, "p", theirs),
        lambda: kept.duplicate(ADA, "p", theirs),
        lambda: kept.reset(ADA, "p", theirs),
    ):
        with pytest.raises(NotFound) as caught:
            act()
        assert caught.value.code == "dashboard_not_found"


def test_a_name_is_taken_once_in_a_project(kept):
    kept.create(ADA, "p", page())
    with pytest.raises(Conflict, match="called Mine already"):
        kept.create(ADA, "p", page())
    with pytest.raises(Conflict):
        kept.create(ADA, "p", page("Latency"))
    kept.create(ADA, "q", page())
    other = kept.create(ADA, "p", page("Other"))
    with pytest.raises(Conflict):
        kept.replace(ADA, "p", other.id, page())


def test_a_copy_has_a_name_of_its_own(kept):
    cost = kept.listed("p")[2]
    copies = [kept.duplicate(ADA, "p", cost.id) for _ in range(3)]
    assert [copy.document.name for copy in copies] == ["Cost (copy)", "Cost (copy 2)", "Cost (copy 3)"]
    assert copies[0].document.widgets == PRESETS["cost"].widgets
    assert copies[0].preset is None
    assert kept.duplicate(ADA, "p", cost.id, name="Money").document.name == "Money"
    with pytest.raises(InvalidInput):
        kept.duplicate(ADA, "p", cost.id, name=" ")


def test_one_of_the_set_can_be_set_back_and_brought_back(kept):
    latency, tokens, *_ = kept.listed("p")
    kept.replace(ADA, "p", latency.id, page("Speed"))
    assert kept.reset(ADA, "p", latency.id).document == PRESETS["latency"]
    mine = kept.create(ADA, "p", page())
    with pytest.raises(Conflict, match="none of those that every project begins with"):
        kept.reset(ADA, "p", mine.id)
    kept.delete(ADA, "p", tokens.id)
    assert "tokens" not in [one.preset for one in kept.listed("p")]
    kept.create(ADA, "p", page("Tokens"))
    restored = kept.restore(ADA, "p")
    assert [one.name for one in restored if one.preset == "tokens"] == ["Tokens (copy)"]
    assert kept.restore(ADA, "p") == restored


def test_there_is_an_end_to_how_many_there_are(kept, monkeypatch):
    monkeypatch.setattr("penstock.tracing.dashboards.service.MAX_DASHBOARDS", 8)
    kept.create(ADA, "p", page())
    with pytest.raises(Conflict, match="at most 8"):
        kept.create(ADA, "p", page("Other"))


def test_what_a_newer_version_wrote_is_refused_not_misread(kept, metadata):
    made = kept.create(ADA, "p", page())
    with metadata.write() as connection:
        body = {"name": "Mine", "widgets": [], "later": 1}
        connection.execute(dashboards.update().where(dashboards.c.id == made.id).values(body=body))
    with pytest.raises(InvalidInput, match="cannot read the dashboard"):
        kept.get("p", made.id)


def test_a_document_survives_export_and_import(kept):
    for preset in PRESETS.values():
        assert msgspec.json.decode(msgspec.json.encode(preset), type=DashboardDocument) == preset


def widget(kind="line", title="W", layout=Box(), about="", **query):  # noqa: B008 - frozen
    return Widget(title=title, type=kind, queries=[WidgetQuery(**query)], layout=layout, about=about)


@pytest.mark.parametrize(
    ("document", "field", "says"),
    [
        (page(""), "name", "empty"),
        (page("x" * 101), "name", "at most 100"),
        (page(description="x" * 1001), "description", "at most 1000"),
        (page(window=0), "window", "between a minute and 400 days"),
        (page(q="statsu:x"), "q", "no field"),
        (page("x", *[COUNT] * 41), "widgets", "at most 40"),
        (page("x", COUNT, widget(title=" ")), "widgets[1].title", "empty"),
        (page("x", widget(about="x" * 1001)), "widgets[0].about", "at most"),
        (page("x", widget(layout=Box(x=8, w=5))), "widgets[0].layout", "within 12 columns"),
        (page("x", widget(layout=Box(y=-1))), "widgets[0].layout", "within 12 columns"),
        (page("x", Widget(title="x", type="line", queries=[])), "widgets[0].queries", "one to 8 queries"),
        (
            page("x", Widget(title="x", type="histogram", queries=[WidgetQuery()] * 2)),
            "widgets[0].queries",
            "one query",
        ),
        (page("x", widget(label="x" * 101)), "widgets[0].queries[0].label", "at most"),
        (page("x", widget(step=5)), "widgets[0].queries[0].step", "a second at least"),
        (page("x", widget(q="latency>2")), "widgets[0].queries[0].q", "with its unit"),
        (page("x", widget(aggregation="p95")), "widgets[0].queries[0].field", "needs a field"),
        (page("x", widget(aggregation="share")), "widgets[0].queries[0].of", "needs `of`"),
        (page("x", widget("heatmap")), "widgets[0].queries[0].field", "needs a field"),
        (page("x", widget("percentiles", field="model")), "widgets[0].queries[0].field", "no field that can"),
        (page("x", widget("histogram", field="cost", q="(")), "widgets[0].queries[0].q", "ends where"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_its_place(kept, document, field, says):
    with pytest.raises(InvalidInput) as caught:
        kept.create(ADA, "p", document)
    assert caught.value.field == field
    assert says in caught.value.message
