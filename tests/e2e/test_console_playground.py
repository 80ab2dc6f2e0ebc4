"""The playground in a real browser, in front of a real gateway."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e_harness import Control
from penstock.testing.server import PenstockServer

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("e2e-console-prompts")]


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
