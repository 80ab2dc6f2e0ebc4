"""The pages about searches and dashboards: every example is understood, every table is as the code says."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from penstock.core.errors import InvalidInput
from penstock.tracing import reference
from penstock.tracing.dashboards.checks import check_document
from penstock.tracing.dashboards.types import DashboardDocument
from penstock.tracing.metrics.checks import metric_query
from penstock.tracing.metrics.types import MetricRequest
from penstock.tracing.query import QueryError, parse, to_text

DOCS = Path(__file__).parents[3] / "docs"
SEARCH = (DOCS / "search.md").read_text(encoding="utf-8")
DASHBOARDS = (DOCS / "dashboards.md").read_text(encoding="utf-8")


def examples():
    """The first cells of the tables of conditions and words, and the indented lines that are searches."""
    for section in ("## Conditions", "## Words"):
        part = SEARCH.partition(section)[2].partition("\n## ")[0]
        for row in re.findall(r"^\| (`.*?`(?:, `.*?`)*) \|", part, re.MULTILINE):
            yield from re.findall(r"`([^`]+)`", row)
    joins = SEARCH.partition("## And, or, not")[2].partition("\n## ")[0]
    yield from re.findall(r"^    (.+)$", joins, re.MULTILINE)
    yield re.search(r"^    (status:error model.+)$", SEARCH, re.MULTILINE)[1]


EXAMPLES = list(examples())


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_is_understood(text):
    tree = parse(text)
    assert tree is not None
    assert parse(to_text(tree)) == tree


def test_there_are_examples_of_everything():
    assert len(EXAMPLES) >= 40


@pytest.mark.parametrize("line", re.findall(r"^    (.+?)   +There is no|^    (latency>2) ", SEARCH, re.MULTILINE))
def test_every_example_of_a_refusal_is_refused(line):
    with pytest.raises(QueryError):
        parse("".join(line))


def test_searches_of_command_lines_are_understood():
    for words in re.findall(r"penstock (?:traces|sessions|export) (?:list|tail|spans) (.+)", SEARCH):
        search = re.sub(r"\s--?\w.*", "", words).replace("'", "")
        assert parse(search) is not None


def test_the_tables_are_as_the_code_says():
    for page, name, table in (
        (SEARCH, "fields", reference.fields_table()),
        (DASHBOARDS, "metrics", reference.metrics_table()),
    ):
        assert reference.update(page, name=name, table=table) == page, "run: make docs"
    with pytest.raises(InvalidInput, match="no lines"):
        reference.update("", name="fields", table="")


def test_the_tables_are_written_into_the_pages(tmp_path):
    for name in ("search.md", "dashboards.md"):
        (tmp_path / name).write_text((DOCS / name).read_text(encoding="utf-8").replace("| `cost` |", "| `price` |"))
    reference.main(tmp_path)
    assert (tmp_path / "search.md").read_text() == SEARCH
    assert (tmp_path / "dashboards.md").read_text() == DASHBOARDS


def test_the_documents_of_the_page_can_be_shown():
    (document,) = re.findall(r"```json\n(.+?)```", DASHBOARDS, re.DOTALL)
    check_document(msgspec.json.decode(document, type=DashboardDocument))
    (asked,) = re.findall(r"metrics/query -d '(.+?)'", DASHBOARDS, re.DOTALL)
    request = msgspec.convert(json.loads(asked), MetricRequest)
    metric_query(request, project="p", from_=0, to=86_400_000_000, step=request.step)
