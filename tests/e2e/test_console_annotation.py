"""People label in a real browser: a queue of real calls, two annotators at their keyboards, and how far they agree."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from console_seed import Seed
from e2e_harness import Control, eventually
from penstock.testing.server import PenstockServer

pytestmark = pytest.mark.browser

QUESTIONS = [
    {"name": "polite", "type": "boolean", "guidance": "Would you show this to a customer?"},
    {"name": "tone", "type": "category", "categories": ["calm", "neutral", "angry"]},
    {"name": "note", "type": "text", "required": False},
]
CALLS = 5
LEAST_CONTRAST = 4.5
"""WCAG 2.2, success criterion 1.4.3, of text."""
CONTRASTS = """
() => {
  const parse = (text) => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((one) => {
      const share = one / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const [r, g, b, a] = parse(getComputedStyle(one).backgroundColor);
      if (a === 255) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const worst = [];
  for (const element of document.querySelectorAll("main *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const style = getComputedStyle(element);
    if (!own || element.matches(":disabled, :disabled *, .visually-hidden, [aria-hidden=true], [aria-hidden=true] *")
        || style.visibility === "hidden") continue;
    const [text, back] = [luminance(parse(style.color).slice(0, 3)), luminance(behind(element))];
    const contrast = (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
    worst.push([contrast, element.textContent.trim().slice(0, 40)]);
  }
  return worst.sort((a, b) => a[0] - b[0]).slice(0, 3);
}
"""


@pytest.fixture(scope="module")
def session(stack: PenstockServer) -> str:
    """Five recorded calls; the name of their session."""
    name = f"desk/{uuid4().hex[:6]}"
    seed = Seed(stack.console_url, stack.gateway_url, stack.admin_key)
    for number in range(CALLS):
        seed.call(f"Where is parcel {number}?", session=name, user="robin")
    control = Control(stack.console_url, stack.admin_key)
    assert eventually(lambda: len(control.ask("GET", "/traces", q=f"session:{name}")["items"]) == CALLS, seconds=5)
    return name


@pytest.fixture
def queue(control: Control, session: str) -> str:
    """A queue of all calls, labelled by two people each, and of one golden item; its id."""
    new = {"name": f"q-{uuid4().hex[:6]}", "questions": QUESTIONS, "doubled": 1}
    made = control.ask("POST", "/annotation", new)["id"]
    control.ask("POST", f"/annotation/{made}/items", {"traces": {"q": f"session:{session}"}})
    golden = {"input": "Where is parcel 99?", "output": "Go away.", "golden": {"polite": False, "tone": "angry"}}
    control.ask("POST", f"/annotation/{made}/items", {"items": [golden]})
    return made


@pytest.fixture
def second(browser: Browser, stack: PenstockServer, control: Control) -> Iterator[Page]:
    """The page of another person, who may label."""
    context = browser.new_context(base_url=stack.console_url, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(control.ask("POST", "/signin-links", {"role": "editor", "name": "Ben"})["url"])
    expect(page).to_have_url(re.compile("/overview"))
    yield page
    context.close()


def item(page: Page) -> Locator:
    return page.get_by_role("region", name="Item", exact=True)


def label_all(page: Page, queue: str, keys: str, *, unlike: str, with_keys: str) -> None:
    """Label what waits with the keyboard alone; the item that holds `unlike` with other keys."""
    page.goto(f"/annotation/{queue}/label")
    for number in range(CALLS + 1):
        expect(page.get_by_role("status", name="Progress of your items")).to_contain_text(f"{number} done")
        expect(item(page)).to_be_visible()
        assert "golden" not in (page.get_by_role("main").text_content() or "").lower()
        text = item(page).text_content() or ""
        for key in "21" if "parcel 99" in text else with_keys if unlike in text else keys:
            page.keyboard.press(key)
        page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()


def test_a_queue_is_made_of_traces(page: Page, control: Control, session: str) -> None:
    name = f"made-{uuid4().hex[:6]}"
    page.goto(f"/annotation?create=yes&traces=session:{session}")
    form = page.get_by_role("form", name="New queue")
    form.get_by_role("textbox", name="Name", exact=True).fill(name)
    form.get_by_role("textbox", name="Name of question 1").fill("polite")
    form.get_by_role("button", name="Add a question").click()
    form.get_by_role("textbox", name="Name of question 2").fill("tone")
    form.get_by_role("combobox", name="Type of question 2").select_option("category")
    categories = form.get_by_label("Categories of question 2", exact=True).locator("visible=true").first
    for category in ("calm", "angry"):
        categories.fill(category)
        categories.press("Enter")
    form.get_by_role("button", name="Make the queue").click()
    adding = page.get_by_role("form", name="Items from traces")
    expect(adding).to_contain_text(f"{CALLS} calls fit.")
    adding.get_by_role("button", name="Add to the queue").click()
    expect(page.get_by_text(f"{CALLS} items added.")).to_be_visible()
    expect(page.get_by_role("table", name="Items")).to_contain_text("Where is parcel 3?")
    made = control.ask("GET", f"/annotation/{name}")["queue"]
    assert (made["items"], [one["type"] for one in made["questions"]]) == (CALLS, ["boolean", "category"])
    page.goto("/annotation")
    expect(page.get_by_role("table", name="Queues").get_by_role("row").filter(has_text=name)).to_contain_text("0/5")


def test_two_people_label_with_the_keyboard_and_their_agreement_is_told(page: Page, second: Page, queue: str) -> None:
    label_all(page, queue, "11", unlike="nothing", with_keys="")
    label_all(second, queue, "11", unlike="parcel 3", with_keys="23")
    page.goto(f"/annotation/{queue}")
    table = page.get_by_role("table", name="Items")
    expect(table.get_by_role("row").filter(has_text="parcel")).to_have_count(1)
    table.get_by_text("Where is parcel 3?").click()
    labels = page.get_by_role("table", name="Labels")
    expect(labels.get_by_role("row").filter(has_text="tone")).to_contain_text(re.compile("calm.*angry|angry.*calm"))
    expect(labels).to_contain_text("Ben")
    page.get_by_role("tab", name="Agreement and annotators").click()
    agreement = page.get_by_role("region", name="Agreement")
    expect(agreement.get_by_role("row").filter(has_text="tone")).to_contain_text("80%")
    annotators = page.get_by_role("region", name="Annotators")
    robin = annotators.get_by_role("row").filter(has_text="Robin")
    expect(robin).to_contain_text("6")
    # The golden item is polite to nobody, and both said it is not; its tone is not what they pressed.
    expect(robin.get_by_role("cell").filter(has_text="100%")).to_have_count(1)
    expect(robin.get_by_title("0 of 1")).to_have_count(1)
    page.goto(f"/annotation/{queue}?item={_first(table)}&show=all")
    page.get_by_role("link", name="Trace", exact=True).click()
    expect(page).to_have_url(re.compile("/traces/[0-9a-f]{32}"))


def _first(table: Locator) -> str:
    """Id of the item that was opened last."""
    found = re.search("item=([0-9a-f-]{36})", table.page.url)
    assert found is not None
    return found[1]


def test_nothing_is_lost_when_the_network_fails(second: Page, queue: str) -> None:
    page = second
    page.goto(f"/annotation/{queue}/label")
    before = item(page).text_content() or ""
    page.keyboard.press("1")
    page.keyboard.press("3")
    page.keyboard.press("c")
    page.keyboard.type("Written before the network failed.")
    page.keyboard.press("Escape")
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    expect(page.get_by_role("form", name="Rubric").get_by_role("alert")).to_contain_text("Your answers are kept here")
    expect(page.get_by_role("radio", name="angry")).to_be_checked()
    page.context.set_offline(False)
    page.reload()
    expect(item(page)).to_contain_text(re.search(r"parcel \d+", before)[0])  # type: ignore[index]
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("Written before the network failed.")
    expect(page.get_by_role("radio", name="angry")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status", name="Progress of your items")).to_contain_text("1 done")
    page.keyboard.press("u")
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("Written before the network failed.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_of_annotation_scrolls_sideways_or_is_hard_to_read(
    page: Page, control: Control, queue: str, width: int, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 800})
    task = control.ask("POST", f"/annotation/{queue}/next")["task"]["item"]
    said = {"answers": {"polite": True, "tone": "calm"}, "comment": "Fine."}
    control.ask("PUT", f"/annotation/{queue}/items/{task}/label", said)
    for path in (
        "/annotation",
        "/annotation?create=yes",
        f"/annotation/{queue}?show=all&item={task}",
        f"/annotation/{queue}?tab=quality",
        f"/annotation/{queue}?tab=rubric",
        f"/annotation/{queue}?add=traces",
        f"/annotation/{queue}?edit=yes",
        f"/annotation/{queue}/label",
    ):
        page.goto(path)
        expect(page.get_by_role("main").locator(".card").first).to_be_visible()
        expect(page.get_by_role("status", name=re.compile("^Loading"))).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        main = page.get_by_role("main")
        assert main.evaluate("element => element.scrollWidth <= element.clientWidth"), path
        worst = page.evaluate(CONTRASTS)
        assert worst[0][0] >= LEAST_CONTRAST, (path, worst)
