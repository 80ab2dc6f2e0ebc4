"""Judges held against people in a real browser, and experiments that are set up from the catalogue of evaluators."""

from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from e2e_harness import Control

pytestmark = pytest.mark.browser

ROWS = 40


@pytest.fixture
def judge(control: Control) -> str:
    """Name of a registered judge, which says by the simulator's chance whether an answer is good."""
    name = f"judge-{uuid4().hex[:6]}"
    body = {
        "type": "rubric",
        "model": "fast",
        "criteria": [{"name": "good", "description": "Is the answer right?", "scale": "boolean"}],
    }
    control.ask("POST", f"/artifacts/evaluator/{name}/versions?create=true", {"body": body, "message": "first"})
    return name


@pytest.fixture
def labelled(control: Control) -> str:
    """A dataset of answers with what people said of them; the name."""
    name = f"labelled-{uuid4().hex[:6]}"
    rows = [
        {"input": f"Question {n}", "metadata": {"answer": f"Answer {n}", **({"label": n % 3 > 0} if n < 30 else {})}}
        for n in range(ROWS)
    ]
    control.ask("PATCH", f"/datasets/{name}/rows", {"put": rows})
    return name


def test_a_judge_is_calibrated_from_the_page_and_its_report_shown(page: Page, judge: str, labelled: str) -> None:
    page.goto("/calibrations")
    row = page.get_by_role("table", name="Judges").get_by_role("row").filter(has_text=judge)
    expect(row).to_contain_text("uncalibrated")
    page.get_by_role("button", name="Calibrate a judge").click()
    form = page.get_by_role("form", name="Calibrate a judge")
    form.get_by_placeholder("name@version", exact=True).fill(f"{judge}@1")
    page.keyboard.press("Tab")
    form.get_by_text("Labels in a dataset").click()
    form.get_by_placeholder("name, name@version").fill(labelled)
    page.keyboard.press("Tab")
    form.get_by_role("button", name="Calibrate").click()
    expect(form.get_by_role("status")).to_contain_text(f"{ROWS} of {ROWS} judged")
    form.get_by_role("link", name="Open the report").click()
    expect(page.get_by_role("region", name="May it gate")).to_contain_text("it takes 100")
    expect(page.get_by_role("region", name="Reports")).to_contain_text("v1")
    expect(page.get_by_role("region", name="Disagreements")).to_contain_text("row")
    page.get_by_role("button", name="All judges").click()
    expect(row).to_contain_text("not good enough")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_role("button", name=f"{judge} v1 not good enough")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_an_experiment_is_set_up_from_the_catalogue_and_run(page: Page, labelled: str) -> None:
    page.goto(f"/experiments?create=yes&dataset={labelled}@1")
    form = page.get_by_role("form", name="New experiment")
    form.get_by_role("textbox", name="Name", exact=True).fill("From the catalogue")
    form.get_by_label("Model of variant 1").fill("fast")
    form.get_by_role("button", name="Remove evaluator 1").click()
    form.get_by_role("button", name="Add an evaluator").click()
    page.get_by_role("menuitem", name="Regular expression").click()
    first = form.get_by_role("group", name="Evaluator 1")
    first.get_by_role("textbox", name="pattern").fill("[a-z]+")
    form.get_by_role("button", name="Add an evaluator").click()
    page.get_by_role("menuitem", name="Length").click()
    second = form.get_by_role("group", name="Evaluator 2")
    second.get_by_role("button", name="more parameters").click()
    second.get_by_role("textbox", name="most").fill("5000")
    expect(second.get_by_role("textbox", name="most")).to_have_value("5000")
    form.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="From the catalogue")).to_be_visible()
    expect(page.get_by_role("region", name="How far it is")).to_contain_text(f"{ROWS} of {ROWS}")
    metrics = page.get_by_role("region", name="Metrics")
    expect(metrics).to_contain_text("regex")
    expect(metrics).to_contain_text("length")
