"""The playground in a real browser, in front of a real gateway."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from e2e_harness import Control, eventually
from penstock.testing.server import PenstockServer
from penstock.testing.simulator import SimulatorServer

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Browser, stack: PenstockServer, control: Control) -> Iterator[Page]:
    context = browser.new_context(base_url=stack.console_url, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(control.ask("POST", "/signin-links", {"role": "admin", "name": "Robin"})["url"])
    expect(page).to_have_url(re.compile("/overview"))
    yield page
    context.close()
    assert [text for text in errors if not re.search(r"status of 4(00|04|12|22)", text)] == []


def test_two_variants_of_a_draft_are_asked_side_by_side_and_stand_in_the_history(page: Page) -> None:
    page.goto("/playground")
    page.get_by_label("question", exact=True).fill("What is a penstock?")
    page.get_by_role("button", name="Add a variant").click()
    page.get_by_role("button", name="Run all").click()
    for name in ("Variant 1", "Variant 2"):
        variant = page.get_by_role("region", name=name)
        expect(variant.get_by_role("log", name="Answer")).to_have_text(re.compile(r"\w{3}"))
        expect(variant).to_contain_text(re.compile(r"\$0\.\d+"))
    history = page.get_by_role("region", name="History")
    expect(history.get_by_role("link", name="Open").or_(history.get_by_role("button", name="Open"))).to_have_count(2)


def test_a_draft_is_saved_as_a_prompt(page: Page, control: Control) -> None:
    page.goto("/playground")
    page.get_by_role("button", name="Save", exact=True).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Prompt").fill("played/first")
    dialog.get_by_role("button", name=re.compile("^Save")).click()
    expect(dialog).to_be_hidden()
    saved = control.ask("GET", "/artifacts/prompt/played:first/versions/latest")
    assert [message["role"] for message in saved["body"]["messages"]] == ["system", "user"]


def ask(page: Page, question: str) -> Locator:
    """Run the first variant of a new playground; its region."""
    page.goto("/playground")
    page.get_by_label("question", exact=True).fill(question)
    return page.get_by_role("region", name="Variant 1")


def test_stop_ends_the_call_at_the_provider_and_what_came_is_kept_and_billed(
    page: Page, control: Control, penstock_simulator_process: SimulatorServer
) -> None:
    """FAILURES G6, G13."""
    penstock_simulator_process.reset()
    penstock_simulator_process.set_faults({"slow": 0.2, "tokens": 400})
    variant = ask(page, "Tell me everything about penstocks.")
    variant.get_by_role("button", name="Run", exact=True).click()
    answer = variant.get_by_role("log", name="Answer")
    expect(answer).not_to_contain_text("Waiting for the first word")
    expect(answer).to_have_text(re.compile(r"\w{2}"))
    variant.get_by_role("button", name="Stop", exact=True).click()
    expect(answer).to_contain_text("Stopped.")
    shown = answer.inner_text().removesuffix("Stopped.").strip()
    # The provider saw its connection closed, long before the answer's end.
    counts = penstock_simulator_process.wait(path="/v1/chat/completions", cancelled=1)["paths"]["/v1/chat/completions"]
    assert (counts["started"], counts["finished"]) == (1, 0)

    def recorded() -> dict[str, Any] | None:
        rows = control.ask("GET", "/traces", q="tags.penstock.playground:yes status:interrupted", limit=1)["items"]
        return rows[0] if rows else None

    row = eventually(recorded, seconds=10)
    assert row
    assert row["cost"] > 0
    spans = control.trace(row["trace_id"])["spans"]
    kept = " ".join(text for span in spans for text in [str(span.get("output") or "")])
    assert shown.split()[0] in kept


def test_tools_of_a_draft_are_offered_and_their_calls_shown(page: Page, control: Control) -> None:
    variant = ask(page, "Please call get_weather for Bern.")
    variant.get_by_text("Tools", exact=True).click()
    variant.get_by_role("textbox", name="Tools").fill(
        "- name: get_weather\n"
        "  description: The weather of a city.\n"
        "  parameters:\n"
        "    type: object\n"
        "    properties: {city: {type: string}}\n"
        "    required: [city]\n"
    )
    variant.get_by_role("button", name="Run", exact=True).click()
    answer = variant.get_by_role("log", name="Answer")
    expect(answer).to_contain_text("calls get_weather")
    expect(answer).to_contain_text("city")
    expect(variant).to_contain_text(re.compile(r"\$0\.\d+"))
