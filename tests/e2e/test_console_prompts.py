"""Prompts and the registry in a real browser."""

import re
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from playwright.sync_api import Browser, Page, expect

from e2e_harness import Control, eventually
from penstock.testing.server import PenstockServer

pytestmark = pytest.mark.browser

NAME = "support/answer"
ADDRESS = "support:answer"
ROUTE = "prompted"
BODY = {
    "messages": [
        {"role": "system", "content": "You answer for {{ product }}."},
        {"role": "user", "content": "{{ question }}"},
    ],
    "variables": {"product": {"default": "Penstock"}, "question": {}},
}
PAGES = (
    "/prompts",
    "/prompts?create=yes",
    f"/prompts/{ADDRESS}",
    f"/prompts/{ADDRESS}?tab=versions",
    f"/prompts/{ADDRESS}?tab=labels",
    f"/prompts/{ADDRESS}?tab=compare",
    f"/prompts/{ADDRESS}?tab=usage",
    f"/prompts/{ADDRESS}?tab=comments",
    "/registry",
    "/registry?create=yes",
    "/registry?tab=evaluators",
    "/registry?tab=webhooks",
    "/registry?tab=protection",
    "/playground",
)


@pytest.fixture
def page(browser: Browser, stack: PenstockServer, control: Control) -> Iterator[Page]:
    """As the one of all browser tests; a draft that the server finds wrong may be answered with 400."""
    context = browser.new_context(base_url=stack.console_url, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(control.ask("POST", "/signin-links", {"role": "admin", "name": "Robin"})["url"])
    expect(page).to_have_url(re.compile("/overview"))
    yield page
    context.close()
    assert [text for text in errors if not re.search(r"status of 4(00|12|22)", text)] == []


@pytest.fixture(scope="module", autouse=True)
def prompt(stack: PenstockServer) -> dict[str, Any]:
    """Two versions, `production` at the first."""
    control = Control(stack.console_url, stack.admin_key)
    path = f"/artifacts/prompt/{ADDRESS}"
    control.ask("POST", f"{path}/versions", {"body": BODY, "message": "The first"}, create=True)
    control.ask("PUT", f"{path}/labels/production", {"version": "1", "reason": "It was tried"})
    longer = {**BODY, "messages": [{"role": "system", "content": "Answer for {{ product }}, in two sentences."}]}
    longer["messages"] = [*longer["messages"], BODY["messages"][1]]  # type: ignore[index]
    return control.ask("POST", f"{path}/versions", {"body": longer, "message": "Two sentences"})


def test_a_prompt_is_written_checked_saved_and_found(page: Page) -> None:
    page.goto("/prompts")
    expect(page.get_by_role("table", name="Prompts")).to_contain_text("answer")
    page.get_by_role("button", name="Create a prompt").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("team/greeting")
    first = page.get_by_role("textbox", name="Message 1", exact=True)
    first.fill("Greet\n{{ whom")
    expect(page.get_by_role("region", name="Prompt", exact=True).get_by_role("alert")).to_contain_text("line 2")
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    first.fill("Greet {{ whom }}.")
    page.get_by_role("button", name="Declare whom").click()
    review = page.get_by_role("region", name="Review")
    expect(review).to_contain_text("tokens")
    page.get_by_role("textbox", name="Message", exact=True).fill("Greets")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page).to_have_url(re.compile("/prompts/team:greeting"))
    expect(page.get_by_role("heading", name="team/greeting")).to_be_visible()

    page.goto("/prompts?folder=team")
    rows = page.get_by_role("table", name="Prompts").get_by_role("row")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("greeting")


def test_a_change_shows_its_difference_and_a_label_moves_and_rolls_back(page: Page) -> None:
    page.goto(f"/prompts/{ADDRESS}")
    first = page.get_by_role("textbox", name="Message 1", exact=True)
    first.fill("Answer for {{ product }}, in one sentence.")
    review = page.get_by_role("region", name="Review")
    expect(review).to_contain_text("messages[0]")
    page.get_by_role("textbox", name="Message", exact=True).fill("One sentence")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(review).to_contain_text("Nothing: this is version 3.")

    page.get_by_role("tab", name="Versions").click()
    page.get_by_role("button", name="Label version 3").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Label").fill("production")
    expect(dialog).to_contain_text("production moves from version 1 to 3.")
    expect(dialog.get_by_role("button", name="Move the label")).to_be_disabled()
    dialog.get_by_role("textbox", name="Reason").fill("Shorter answers")
    dialog.get_by_role("button", name="Move the label").click()
    expect(dialog).to_be_hidden()

    page.get_by_role("tab", name="Labels").click()
    expect(page.get_by_role("region", name="History of labels")).to_contain_text("Shorter answers")
    page.get_by_role("button", name="Roll back production").click()
    dialog.get_by_role("textbox", name="Reason").fill("Too short")
    dialog.get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("region", name="Labels", exact=True)).to_contain_text("version 1, moved")


def test_calls_of_a_version_are_counted_on_its_page(page: Page, control: Control, openai_client: openai.OpenAI) -> None:
    definition = {"variants": {"only": {"model": "sim/gpt-4o-mini", "prompt": f"{NAME}@production"}}}
    control.ask("PUT", f"/routes/{ROUTE}", definition)

    def served() -> bool:
        try:
            openai_client.chat.completions.create(
                model=ROUTE, messages=[], extra_body={"variables": {"question": "Is it in stock?"}}
            )
        except openai.APIStatusError:
            return False
        return True

    assert eventually(served, seconds=5)
    page.goto(f"/prompts/{ADDRESS}?tab=usage")
    calls = page.get_by_role("region", name="Calls by version")
    expect(calls.get_by_role("row").filter(has_text="production")).to_contain_text("1")
    expect(page.get_by_role("region", name="Used by")).to_contain_text(ROUTE)
    calls.get_by_role("link", name="1", exact=True).click()
    expect(page.get_by_role("table", name="Calls")).to_contain_text("Is it in stock?")
    control.status("DELETE", f"/routes/{ROUTE}")


def test_a_model_is_registered_and_a_comment_is_kept(page: Page) -> None:
    page.goto("/registry")
    page.get_by_role("button", name="Register a model").first.click()
    page.get_by_role("textbox", name="Name", exact=True).fill("support/small")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page).to_have_url(re.compile("/registry/model/support:small"))
    page.get_by_role("tab", name="Comments").click()
    page.get_by_role("textbox", name="Comment").fill("Cheap enough")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.get_by_role("region", name="Comments")).to_contain_text("Cheap enough")


@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_scrolls_sideways(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for address in PAGES:
        page.goto(address)
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.scrollingElement.scrollWidth")
        assert wide <= width, f"{address} is {wide} px wide at {width}"
