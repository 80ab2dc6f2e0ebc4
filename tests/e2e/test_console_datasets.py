"""Datasets in a real browser."""

import json
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from e2e_harness import Control

pytestmark = pytest.mark.browser


def test_a_file_is_seen_mapped_and_imported_and_a_row_of_it_changed(
    page: Page, control: Control, tmp_path: Path
) -> None:
    name = f"refunds-{uuid4().hex[:6]}"
    file = tmp_path / "rows.jsonl"
    rows = [{"question": f"Question {number}", "answer": "yes", "language": "en"} for number in range(30)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    page.goto("/datasets?create=file")
    page.get_by_role("textbox", name="Name").fill(name)
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_role("table", name="First rows")).to_contain_text("Question 0")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_role("table", name="Rows")).to_contain_text("Question 3")
    page.get_by_text("Question 3", exact=True).click()
    form = page.get_by_role("form", name="Row")
    form.get_by_role("textbox", name="Reference").fill("never")
    form.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_label("Version", exact=True)).to_contain_text("newest (2)")
    page.goto(f"/datasets/{name}?tab=versions&from=1&to=2")
    differences = page.get_by_role("region", name="What differs")
    expect(differences).to_contain_text("1 changed")
    expect(differences.locator("ins")).to_have_text("never")
    assert control.ask("GET", f"/datasets/{name}/rows?limit=1")["rows"] == 30


def test_rows_are_divided_and_checked(page: Page, control: Control) -> None:
    name = f"split-{uuid4().hex[:6]}"
    rows = [{"input": f"How do I return the {word}?", "reference": "yes"} for word in ("hat", "coat", "shoe", "bag")]
    control.ask("PATCH", f"/datasets/{name}/rows", {"put": rows})
    page.goto(f"/datasets/{name}?tab=splits")
    page.get_by_role("form", name="Divide the rows").get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_role("region", name="Splits")).to_contain_text("train")
    page.goto(f"/datasets/{name}?tab=checks")
    page.get_by_text("Compare with the traffic").click()
    page.get_by_role("button", name="Check the newest version").click()
    expect(page.get_by_role("region", name="Findings")).to_contain_text("4 rows")
