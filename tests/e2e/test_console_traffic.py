"""Routes, limits, health and cache in a real browser, beside real calls."""

import json
import re
from collections.abc import Iterator

import openai
import pytest
from playwright.sync_api import Page, expect

from e2e_harness import Control, eventually

pytestmark = pytest.mark.browser

ROUTE = "two-ways"
LIMIT = "each-person"
DEFINITION = """\
variants:
  broken: nowhere/gpt-4o-mini
  good: sim/gpt-4o-mini
strategy:
  fallback: [broken, good]
retries: {attempts: 0}
"""
PAGES = (
    "/routes",
    "/routes?create=yes",
    f"/routes/{ROUTE}",
    f"/routes/{ROUTE}?tab=definition",
    f"/routes/{ROUTE}?tab=history",
    "/limits",
    "/limits?create=yes",
    f"/limits/{LIMIT}",
    "/health",
    "/cache",
)


@pytest.fixture
def route(control: Control) -> Iterator[str]:
    """A route whose first variant has no provider; gone after the test."""
    yield ROUTE
    control.status("DELETE", f"/routes/{ROUTE}")


@pytest.fixture
def limit(control: Control) -> Iterator[str]:
    """A budget of each end user."""
    body = {"on": "user", "requests_per_minute": 600, "budget": {"day": {"soft": "$1", "hard": "$2"}}}
    control.ask("PUT", f"/limits/{LIMIT}", body)
    yield LIMIT
    control.ask("DELETE", f"/limits/{LIMIT}")


def write(page: Page, name: str, text: str) -> None:
    page.get_by_role("textbox", name=f"Definition of {name}").fill(text)


def serves(client: openai.OpenAI, model: str, **fields: str) -> bool:
    """Whether the gateway has taken the route over; the call is made when it has."""
    try:
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Which way?"}], **fields)  # type: ignore[call-overload]
    except openai.NotFoundError:
        return False
    return True


def test_a_route_is_created_with_its_diff_shown_then_called_watched_and_changed(
    page: Page, openai_client: openai.OpenAI, route: str
) -> None:
    page.goto("/routes")
    page.get_by_role("button", name="Create a route").click()
    page.get_by_role("textbox", name="Name").fill(route)
    write(page, route, DEFINITION.replace("good]", "best]"))
    changes = page.get_by_role("region", name="Changes")
    save = page.get_by_role("button", name="Save")
    expect(changes.get_by_role("button", name="line 5")).to_be_visible()
    expect(save).to_be_disabled()

    write(page, route, DEFINITION)
    expect(changes).to_contain_text("nowhere/gpt-4o-mini")
    expect(page.get_by_role("region", name="How calls would flow")).to_contain_text("if it fails")
    page.get_by_role("textbox", name="Comment").fill("A first try")
    save.click()
    expect(page).to_have_url(re.compile(f"/routes/{route}$"))

    assert eventually(lambda: serves(openai_client, route)), "a new route is served within 2 s"
    flow = page.get_by_role("region", name="How calls flow")
    expect(flow).to_contain_text("100% live", timeout=10_000)
    expect(flow).to_contain_text("100% failed")
    good = page.get_by_role("region", name="Variants").get_by_role("row").filter(has_text="sim/gpt-4o-mini")
    good.get_by_role("link", name="good").click()

    page.get_by_role("table", name="Calls").get_by_role("row").filter(has_text="Which way?").first.click()
    page.get_by_role("tab", name="Details").click()
    attempts = page.get_by_role("tabpanel", name="Details").get_by_role("listitem")
    expect(attempts).to_have_count(2)
    expect(attempts.nth(0)).to_contain_text("broken")
    expect(attempts.nth(1)).to_contain_text("good")

    page.goto(f"/routes/{route}?tab=definition")
    write(page, route, DEFINITION.replace("[broken, good]", "[good, broken]"))
    expect(changes).to_contain_text("strategy.fallback")
    save.click()
    page.get_by_role("tab", name="History").click()
    history = page.get_by_role("tabpanel", name="History")
    expect(history).to_contain_text("Version 2")
    expect(history).to_contain_text("A first try")

    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page).to_have_url(re.compile("/routes$"))
    expect(page.get_by_text(route)).to_have_count(0)


def test_a_change_by_another_is_told_and_written_over_only_on_purpose(page: Page, control: Control, route: str) -> None:
    body = {"variants": {"good": "sim/gpt-4o-mini"}}
    control.ask("PUT", f"/routes/{route}", body)
    page.goto(f"/routes/{route}?tab=definition")
    expect(page.get_by_text("Nothing: this is what stands already.")).to_be_visible()
    control.ask("PUT", f"/routes/{route}", {**body, "cache": {"ttl": "1h"}})
    write(page, route, json.dumps({**body, "retries": {"attempts": 3}}))
    changes = page.get_by_role("region", name="Changes")
    expect(changes).to_contain_text("It was changed while you were editing")
    expect(changes).to_contain_text("cache")
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    page.get_by_role("button", name="Save over it").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("region", name="How calls flow")).to_be_visible()
    stands = control.ask("GET", f"/routes/{route}")["definition"]
    assert stands["retries"] == {"attempts": 3}
    assert "cache" not in stands


def test_a_budget_shows_who_spends(page: Page, openai_client: openai.OpenAI, control: Control, limit: str) -> None:
    def spent() -> bool:
        serves(openai_client, "fast", user="robin@example.org")
        return any(budget["spent"] for budget in control.ask("GET", f"/budgets/{limit}")["budgets"])

    assert eventually(spent, seconds=10.0)
    page.goto("/limits")
    row = page.get_by_role("listitem").filter(has_text=limit)
    expect(row).to_contain_text("each end user by itself")
    expect(row).to_contain_text(re.compile(r"of \$2\.00 today"))
    row.get_by_role("link", name=limit).click()
    card = page.get_by_role("region", name="Budget per day")
    expect(card).to_contain_text("Forecast")
    expect(card.get_by_role("link", name="sim/gpt-4o-mini")).to_be_visible()
    expect(card.get_by_role("img", name="Spending in this day").locator("path").first).to_be_attached()
    expect(page.get_by_role("region", name="Rates")).to_contain_text("600 requests per minute")


def test_health_shows_targets_and_the_configuration_of_each_worker(page: Page, openai_client: openai.OpenAI) -> None:
    serves(openai_client, "fast")
    page.goto("/health")
    targets = page.get_by_role("region", name="Targets")
    expect(targets.get_by_role("row").filter(has_text="sim/gpt-4o-mini").first).to_be_visible(timeout=5000)
    expect(page.get_by_role("region", name="Workers")).to_contain_text("newest")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.usefixtures("limit")
def test_no_page_of_traffic_scrolls_sideways(page: Page, control: Control, route: str, width: int, scheme: str) -> None:
    body = {
        "variants": {"broken": "nowhere/gpt-4o-mini", "good": "sim/gpt-4o-mini"},
        "strategy": {"hedge": {"use": {"fallback": ["broken", "good"]}, "backup": {"weighted": {"good": 1}}}},
    }
    control.ask("PUT", f"/routes/{route}", body)
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 800})
    for path in PAGES:
        page.goto(path)
        expect(page.get_by_role("main").locator(".card, button").first).to_be_visible()
        page.wait_for_load_state("load")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        main = page.get_by_role("main")
        assert main.evaluate("element => element.scrollWidth <= element.clientWidth"), path
