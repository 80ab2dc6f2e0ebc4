"""Experiments in a real browser, run by a real console against the simulator."""

from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from e2e_harness import Control

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("e2e-console-experiments")]


@pytest.fixture
def dataset(control: Control) -> str:
    """Twelve rows; the name."""
    name = f"questions-{uuid4().hex[:6]}"
    rows = [{"input": f"Question {number}", "reference": "yes"} for number in range(12)]
    control.ask("PATCH", f"/datasets/{name}/rows", {"put": rows})
    return name


def test_an_experiment_is_set_up_run_and_compared_row_by_row(page: Page, dataset: str) -> None:
    page.goto(f"/experiments?create=yes&dataset={dataset}@1")
    form = page.get_by_role("form", name="New experiment")
    form.get_by_role("textbox", name="Name", exact=True).fill("Careful or fast")
    form.get_by_label("Model of variant 1").fill("fast")
    form.get_by_role("button", name="Add a variant").click()
    form.get_by_label("Model of variant 2").fill("careful")
    form.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="Careful or fast")).to_be_visible()
    expect(page.get_by_role("region", name="How far it is")).to_contain_text("24 of 24")
    metrics = page.get_by_role("region", name="Metrics")
    expect(metrics).to_contain_text("exact")
    expect(metrics).to_contain_text("candidate")
    page.get_by_role("tab", name="Rows").click()
    page.get_by_role("table", name="Rows").get_by_text("Question 3", exact=True).click()
    expect(page.get_by_role("article", name="Answer of candidate")).to_contain_text("Trace")
    expect(page.get_by_role("alert")).to_have_count(0)
