"""Experiments in a real browser, run by a real console against the simulator."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from e2e_harness import Control
from penstock.testing.simulator import SimulatorServer

pytestmark = pytest.mark.browser

PLAIN = re.compile(r"/experiments/[0-9a-f-]+\?project")


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


def test_a_running_one_is_told_of_by_a_stream_that_ends_with_it_and_is_asked_for_where_none_comes(
    page: Page, dataset: str, control: Control, penstock_simulator_process: SimulatorServer
) -> None:
    penstock_simulator_process.set_faults({"delay": 0.4})
    streams: list[str] = []
    asked: list[str] = []
    page.on("request", lambda request: streams.append(request.url) if "/progress?" in request.url else None)
    page.on("request", lambda request: asked.append(request.url) if PLAIN.search(request.url) else None)
    spec = {"name": "Streamed", "dataset": f"{dataset}@1", "concurrency": 1,
            "variants": [{"name": "a", "model": "fast"}]}  # fmt: skip

    def started() -> str:
        made = control.ask("POST", "/experiments", {"spec": spec, "cache": False})
        control.ask("POST", f"/experiments/{made['id']}/start")
        return f"/experiments/{made['id']}"

    page.goto(started())
    progress = page.get_by_role("region", name="How far it is")
    expect(progress).to_contain_text(re.compile(r"[1-9] of 12"))
    expect(progress).to_contain_text(re.compile(r"Rate\d"))
    expect(progress).to_contain_text("at its end")
    expect(progress).to_contain_text("12 of 12")
    expect(progress).to_contain_text("Took")
    # Told, the page asks when it opens and hardly again.
    assert (len(streams), len(asked) <= 3) == (1, True)
    asked.clear()
    page.route("**/progress?*", lambda route: route.fulfill(status=204))
    page.goto(started())
    expect(progress).to_contain_text("12 of 12")
    assert len(asked) > 3
