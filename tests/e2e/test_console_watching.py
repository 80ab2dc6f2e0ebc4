"""Dashboards, alerts, objectives, incidents and data in a real browser, beside real calls."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import openai
import pytest
from playwright.sync_api import Page, expect

from e2e_harness import Control, eventually
from penstock.testing.server import PenstockServer

pytestmark = pytest.mark.browser

CALLS = 6
PAGES = (
    "/dashboards",
    "/alerts",
    "/alerts?tab=history",
    "/alerts?tab=silences",
    "/alerts?tab=channels",
    "/alerts?create=yes",
    "/slos",
    "/slos?create=yes",
    "/incidents",
    "/data",
)


@pytest.fixture(scope="module", autouse=True)
def calls(stack: PenstockServer) -> None:
    """Some calls, that are stored."""
    control = Control(stack.console_url, stack.admin_key)
    with openai.OpenAI(base_url=f"{stack.gateway_url}/v1", api_key=stack.admin_key, max_retries=0) as client:
        for _ in range(CALLS):
            client.chat.completions.create(
                model="fast", messages=[{"role": "user", "content": "Is it in stock?"}], user="ana"
            )
    assert eventually(lambda: _counted(control) >= CALLS)


@pytest.fixture
def incident(control: Control) -> dict[str, Any]:
    """An incident that is open, with two steps."""
    body = {"title": "Answers are slow", "severity": "sev2", "steps": ["Look at the provider", "Shift traffic"]}
    return control.ask("POST", "/incidents", body)


@pytest.fixture
def dashboard(control: Control) -> Iterator[dict[str, Any]]:
    """A dashboard with one number; gone after the test."""
    widget = {"title": "All calls", "type": "number", "queries": [{}], "layout": {"x": 0, "y": 0, "w": 6, "h": 3}}
    made = control.ask("POST", "/dashboards", {"name": f"Mine {uuid4().hex[:6]}", "widgets": [widget]})
    yield made
    control.status("DELETE", f"/dashboards/{made['id']}")


def _counted(control: Control) -> int:
    series = control.ask("POST", "/metrics/query", {})["series"]
    return series[0]["total"]["count"] if series else 0


def test_each_of_the_first_dashboards_shows_all_of_its_widgets(page: Page) -> None:
    page.goto("/dashboards")
    links = page.get_by_role("list").get_by_role(
        "link", name=re.compile("^(Latency|Tokens|Cost|Errors|Quality|Retrieval|Safety)$")
    )
    expect(links).to_have_count(7)
    for name in ("Latency", "Tokens", "Cost", "Errors", "Quality", "Retrieval", "Safety"):
        page.goto("/dashboards")
        page.get_by_role("main").get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", name=name, level=2, exact=True).first).to_be_visible()
        expect(page.get_by_role("status")).to_have_count(0)
        expect(page.get_by_role("alert")).to_have_count(0)


def test_a_dashboards_filter_is_in_its_address_and_a_number_leads_to_the_traces(
    page: Page, dashboard: dict[str, Any]
) -> None:
    page.goto(f"/dashboards/{dashboard['id']}")
    card = page.get_by_role("region", name="All calls")
    expect(card.get_by_role("link")).to_have_text(re.compile(r"^[1-9]"))
    field = page.get_by_role("combobox", name="Filter of the dashboard")
    field.fill("user:nobody-of-this-name")
    field.press("Escape")
    field.focus()
    field.press("Enter")
    expect(page).to_have_url(re.compile("nobody-of-this-name"))
    page.reload()
    expect(card.get_by_role("link")).to_have_text(re.compile("^(0|–)$"))
    card.get_by_role("link").click()
    expect(page).to_have_url(re.compile("/traces.*nobody-of-this-name"))


def test_a_dashboard_is_edited_and_a_conflict_is_told(page: Page, control: Control, dashboard: dict[str, Any]) -> None:
    # A page of its own: the browser logs the refusal as an error, and here it is wanted.
    page = page.context.new_page()
    page.goto(f"/dashboards/{dashboard['id']}?edit=yes")
    page.get_by_role("button", name="Add a widget").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Title").fill("By model")
    dialog.get_by_role("combobox", name="Aggregation").select_option("p95")
    expect(dialog.get_by_role("textbox", name="Field").or_(dialog.get_by_role("combobox", name="Field"))).to_have_value(
        "duration"
    )
    dialog.get_by_role("button", name="Add", exact=True).click()
    grip = page.get_by_role("button", name=re.compile("^Resize By model"))
    grip.focus()
    grip.press("ArrowRight")
    control.ask("PUT", f"/dashboards/{dashboard['id']}", {**dashboard["document"], "description": "Theirs"})
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody else saved this dashboard")
    page.get_by_role("button", name="Replace with mine").click()
    expect(page.get_by_role("button", name="Edit", exact=True)).to_be_visible()
    widgets = control.ask("GET", f"/dashboards/{dashboard['id']}")["document"]["widgets"]
    assert [widget["title"] for widget in widgets] == ["All calls", "By model"]
    assert widgets[1]["layout"]["w"] == 7


def test_a_widget_is_exported_as_a_picture_and_as_numbers(page: Page, dashboard: dict[str, Any]) -> None:
    page.goto(f"/dashboards/{dashboard['id']}")
    for item, ending in (("Picture (PNG)", ".png"), ("Numbers (CSV)", ".csv")):
        page.get_by_role("button", name="Export All calls").click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name=item).click()
        assert download.value.suggested_filename == f"all-calls{ending}"
        content = download.value.path().read_bytes()
        assert content.startswith(b"\x89PNG" if ending == ".png" else b"calls (count)\r\n")


def test_a_rule_is_tried_on_the_last_days_before_it_is_saved(page: Page, control: Control) -> None:
    name = f"Many calls {uuid4().hex[:6]}"
    page.goto("/alerts?create=yes")
    form = page.get_by_role("form", name="Rule")
    form.get_by_label("Name").fill(name)
    form.get_by_label("Aggregation").select_option("count")
    form.get_by_label("Value", exact=True).fill("1000000")
    tried = page.get_by_role("region", name="The last days")
    expect(tried).to_contain_text("would not have fired in 7 days")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    [rule] = [one for one in control.ask("GET", "/alerts")["items"] if one["spec"]["name"] == name]
    assert rule["spec"]["condition"]["value"] == 1_000_000
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page).to_have_url(re.compile("/alerts$"))


def test_a_silence_is_added_and_ended(page: Page) -> None:
    page.goto("/alerts?tab=silences")
    page.get_by_role("button", name="Add a silence").click()
    dialog = page.get_by_role("dialog")
    comment = f"Known until Monday {uuid4().hex[:6]}"
    conditions = dialog.get_by_role("group", name="Alerts whose labels match")
    conditions.get_by_label("Label 1").fill("alert")
    conditions.get_by_label("Value 1").fill("Slow calls")
    dialog.get_by_label("Why").fill(comment)
    dialog.get_by_role("button", name="Silence").click()
    row = page.get_by_role("listitem").filter(has_text=comment)
    expect(row).to_contain_text("active")
    row.get_by_role("button", name="End").click()
    expect(row).to_contain_text("ended")


def test_an_objective_is_written_and_shows_its_budget(page: Page) -> None:
    name = f"Answers come {uuid4().hex[:6]}"
    page.goto("/slos?create=yes")
    form = page.get_by_role("form", name="Objective")
    form.get_by_label("Name").fill(name)
    expect(page.get_by_role("region", name="Error budget")).to_be_visible()
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_role("meter", name="Error budget left")).to_be_visible()
    expect(page.get_by_role("region", name="Burn rates")).to_contain_text("×14.4")
    page.get_by_role("link", name="SLOs").click()
    expect(page.get_by_role("list", name="Objectives")).to_contain_text(name)


def test_an_incident_is_taken_care_of(page: Page, control: Control, incident: dict[str, Any]) -> None:
    page.goto(f"/incidents/{incident['id']}")
    page.get_by_role("combobox", name="State").select_option("acknowledged")
    page.get_by_role("checkbox", name="Look at the provider").click()
    page.get_by_role("textbox", name="Note").fill("The provider is degraded.")
    page.get_by_role("button", name="Add", exact=True).click()
    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline).to_contain_text("The provider is degraded.")
    expect(page.get_by_role("region", name="Run-book steps")).to_contain_text("1 of 2")
    assert control.ask("GET", f"/incidents/{incident['id']}")["incident"]["state"] == "acknowledged"
    page.get_by_role("tab", name="Post-mortem").click()
    page.get_by_role("button", name="Edit").click()
    text = page.get_by_role("textbox", name="Text of the post-mortem")
    text.fill(f"{text.input_value()}\n\nWhat we learned: ask two providers.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("region", name="Post-mortem")).to_contain_text("Version 1, saved")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    written = download.value.path().read_text()
    assert "Answers are slow" in written
    assert "ask two providers" in written


def test_a_deletion_is_counted_and_confirmed_before_it_begins(page: Page, control: Control) -> None:
    page.goto("/data")
    page.get_by_role("button", name="Delete data").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Session", exact=True).fill("no-such-session")
    expect(dialog).to_contain_text("0 traces are found")
    button = dialog.get_by_role("button", name="Delete")
    expect(button).to_be_disabled()
    dialog.get_by_label("Type delete to confirm").fill("delete")
    button.click()
    expect(page.get_by_role("list", name="History of deletions")).to_contain_text("session no-such-session")
    assert control.ask("GET", "/deletions")["items"][0]["what"]["session"] == "no-such-session"


@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_scrolls_sideways_or_fails(page: Page, width: int, incident: dict[str, Any]) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for path in (*PAGES, f"/incidents/{incident['id']}"):
        page.goto(path)
        expect(page.get_by_role("status")).to_have_count(0)
        expect(page.get_by_role("alert")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
