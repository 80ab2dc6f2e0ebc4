"""The console in a real browser, beside real calls."""

import re

import openai
import pytest
from playwright.sync_api import Browser, Page, expect

from e2e_harness import Control
from penstock.testing.server import PenstockServer

pytestmark = pytest.mark.browser
PAGES = ("/overview", "/traces", "/models", "/keys")


def call(client: openai.OpenAI, text: str, *, model: str = "fast") -> None:
    client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}])


def test_a_person_signs_in_once_with_a_link(page: Page, stack: PenstockServer, control: Control) -> None:
    link = control.ask("POST", "/signin-links", {"role": "viewer", "name": "Kim"})["url"]
    for expected in ("/overview", "/signin"):
        other = page.context.browser.new_context()  # type: ignore[union-attr]
        fresh = other.new_page()
        fresh.goto(link)
        fresh.wait_for_url(re.compile(expected if expected == "/overview" else "/signin"))
        if expected == "/signin":
            expect(fresh.get_by_text(re.compile("used|expired", re.IGNORECASE)).first).to_be_visible()
        other.close()


def test_a_call_arrives_live_and_is_opened_filtered_and_found(
    page: Page, openai_client: openai.OpenAI, stack: PenstockServer
) -> None:
    page.goto("/traces")
    table = page.get_by_role("table", name="Calls")
    call(openai_client, "A zebra crosses the spillway")
    row = table.get_by_role("row").filter(has_text="zebra").first
    expect(row).to_be_visible(timeout=5000)

    row.click()
    expect(page).to_have_url(re.compile(r"/traces/[0-9a-f]{32}"))
    expect(page.get_by_role("tabpanel", name="Conversation")).to_contain_text("A zebra crosses the spillway")
    expect(page.get_by_text("gpt-4o-mini").first).to_be_visible()
    page.get_by_role("tab", name="Details").click()
    expect(page.get_by_role("tabpanel", name="Details")).to_contain_text("genai-prices")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"/traces(\?|$)"))

    call(openai_client, "A giraffe crosses the spillway")
    search = page.get_by_role("combobox", name="Filter traces")
    search.fill("giraffe")
    search.press("Enter")
    expect(table.get_by_role("row").filter(has_text="giraffe").first).to_be_visible(timeout=5000)
    expect(table.get_by_role("row").filter(has_text="zebra")).to_have_count(0)
    assert "giraffe" in page.url

    with pytest.raises(openai.NotFoundError):
        call(openai_client, "Nobody answers this", model="no-such-model")
    page.goto("/traces?filter=status:eq:error")
    expect(table.get_by_role("row").filter(has_text="no-such-model").first).to_be_visible(timeout=5000)
    expect(table.get_by_role("row").filter(has_text="giraffe")).to_have_count(0)


def test_a_key_is_created_shown_once_used_and_revoked(page: Page, stack: PenstockServer) -> None:
    page.goto("/keys")
    page.get_by_role("button", name="Create a key").click()
    form = page.get_by_role("dialog", name="Create a key")
    form.get_by_role("textbox", name="Name").fill("browser-made")
    form.get_by_role("button", name="Create", exact=True).click()
    told = page.get_by_role("dialog", name="The secret of browser-made")
    expect(told).to_contain_text("psk_")
    expect(form).to_be_hidden()
    secret = re.search(r"psk_[\w-]{43}", told.inner_text())
    assert secret is not None
    told.get_by_role("button").last.click()
    expect(told).to_be_hidden()
    row = page.get_by_role("row").filter(has_text="browser-made")
    expect(row).to_contain_text("active")
    assert secret[0] not in page.content()

    client = openai.OpenAI(base_url=f"{stack.gateway_url}/v1", api_key=secret[0], max_retries=0)
    call(client, "With a key of its own")
    row.get_by_role("button", name="Revoke browser-made").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Revoke")).click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name=re.compile("Show .* revoked")).click()
    expect(row).to_contain_text("revoked")
    refused = False
    for _ in range(20):
        try:
            call(client, "Too late")
        except openai.AuthenticationError:
            refused = True
            break
        page.wait_for_timeout(100)
    assert refused, "a revoked key stops within 2 s (FAILURES G22)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_scrolls_sideways(page: Page, openai_client: openai.OpenAI, width: int, scheme: str) -> None:
    call(openai_client, "Something to show")
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 800})
    for path in PAGES:
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.wait_for_load_state("load")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_the_keyboard_moves_opens_and_goes_back(page: Page, openai_client: openai.OpenAI, control: Control) -> None:
    raw = openai_client.chat.completions.with_raw_response.create(
        model="fast", messages=[{"role": "user", "content": "Reached without a mouse"}]
    )
    control.trace(raw.headers["x-penstock-trace-id"])
    page.goto("/traces?q=without+a+mouse")
    expect(page.get_by_role("row").filter(has_text="without a mouse").first).to_be_visible(timeout=5000)
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Filter traces")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/traces/[0-9a-f]{32}"))
    expect(page.get_by_role("tabpanel", name="Conversation")).to_contain_text("without a mouse")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.type("Keys")
    expect(page.get_by_role("dialog").get_by_role("option", selected=True)).to_contain_text("Keys")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/keys"))


def test_a_viewer_is_offered_nothing_that_it_may_not_do(
    browser: Browser, stack: PenstockServer, control: Control
) -> None:
    """FAILURES S23."""
    context = browser.new_context(base_url=stack.console_url)
    page = context.new_page()
    page.goto(control.ask("POST", "/signin-links", {"role": "viewer", "name": "Vic"})["url"])
    expect(page).to_have_url(re.compile("/overview"))
    page.goto("/keys")
    expect(page.get_by_role("table")).to_be_visible()
    expect(page.get_by_role("button", name="Create a key")).to_have_count(0)
    context.close()
