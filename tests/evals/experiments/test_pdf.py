"""Reports as PDF, read back; the picture of quality and price; the rows that a report names."""

import builtins
import io
import re
import tracemalloc
from pathlib import Path

import msgspec
import pytest
import reportlab
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from experiments_harness import Lab, echo
from penstock.core.errors import InvalidInput, MissingExtra
from penstock.core.settings import report_font
from penstock.evals.experiments.fonts import MISSING, typeface
from penstock.evals.experiments.pareto import pareto
from penstock.evals.experiments.pdf import as_pdf
from penstock.evals.experiments.picture import HEIGHT, WIDTH, as_svg, placed
from penstock.evals.experiments.ports import Request
from penstock.evals.experiments.report import as_html, as_markdown, headline, sections
from penstock.evals.experiments.service import NewRow
from penstock.evals.experiments.summary import Figure, MetricSummary, SliceSummary, Summary, VariantSummary
from penstock.evals.experiments.types import Counts, Experiment, ExperimentSpec, Output, VariantSpec
from penstock.evals.experiments.worst import worst_rows

VERA = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"


def figure(value: float, spread: float = 0.02) -> Figure:
    return Figure(value=value, low=value - spread, high=None, method="wilson")


def variant(name: str, quality: float, price: float, *, metrics: int = 0) -> VariantSummary:
    def metric(name: str, unit, value: float) -> MetricSummary:
        return MetricSummary(metric=name, unit=unit, n=9, unscored=0, reasons={}, figure=figure(value, value / 20))

    more = [metric(f"m{index}", "number", index) for index in range(metrics)]
    return VariantSummary(
        variant=name,
        done=9,
        errors=1,
        error_reasons={"<b>no</b> & so on": 1},
        cached=0,
        paid=0,
        unpriced=0,
        metrics=[metric("exact", "share", quality), *more, metric("cost", "dollars", price)],
        latency_p50=None,
        latency_p95=None,
    )


def summed(*variants: VariantSummary, slices: int = 0) -> Summary:
    found = [
        SliceSummary(field="n", value=str(index), rows=1, variants={one.variant: one.metrics for one in variants})
        for index in range(slices)
    ]
    return Summary(
        baseline=variants[0].variant, confidence=0.95, variants=[*variants], comparisons=[], slices=found, gates={}
    )


def experiment(name: str = "x", **more) -> Experiment:
    given = {
        "id": "e1", "project": "p", "name": name, "state": "done", "reason": None, "rows": 9, "salt": "",
        "spec": ExperimentSpec(name=name, dataset="x.jsonl", variants=[VariantSpec(name="a", model="m")]),
        "counts": Counts(total=9, done=9), "evaluators": {}, "runner": None, "lease": None, "created": 0,
        "created_by": "me", "started": 0, "finished": 1,
    }  # fmt: skip
    return Experiment(**{**given, **more})


def text_of(data: bytes) -> str:
    """All of it, on one line: cells are wrapped where they are narrow."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages).split())


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


async def wrong(request: Request, trace_id: str) -> Output:
    """The model `n` never answers what was asked."""
    return await echo(request, trace_id) if request.body["model"] == "m" else Output(text="no", latency=1)


async def test_a_pdf_says_what_the_json_says(lab: Lab):
    lab.provider.script = wrong
    rows = [NewRow(input=f"q{n}", reference=f"q{n}", metadata={"lang": "<b>" if n % 2 else "de"}) for n in range(20)]
    variants = [VariantSpec(name="a & <b>", model="m"), VariantSpec(name="b", model="n")]
    rules = ["exact >= baseline - 1pt", "p95_latency <= 1s"]
    _, made = await lab.run(lab.made(rows, variants=variants, slices=["lang"], gate=rules))
    summary = lab.place.summary(made.id)
    worst = lab.place.worst(made.id, summary)
    assert [(one.metric, one.variant, one.count, len(one.rows)) for one in worst] == [("exact", "b", 20, 5)]
    said = squeezed(text_of(as_pdf(made, summary, worst=worst)))
    assert squeezed(headline(made, summary)) in said
    for title, (columns, lines) in sections(summary, worst=worst):
        if lines:
            for one in (title, *columns, *(cell for line in lines for cell in line)):
                assert squeezed(one) in said, one
    assert "a&<b>" in said
    assert "FAIL" in said
    # The other forms name the same rows.
    for text in (as_html(made, summary, worst=worst), as_markdown(made, summary, worst=worst)):
        assert "rows where b is worst, 5 of 20" in text


def test_every_script_is_set_in_some_font_and_what_none_has_is_told():
    reason = "naïve Привет καλή 日本語カナ 中文 한국어 \x00\ud800 \N{GRINNING FACE}"
    one = msgspec.structs.replace(variant("提示", 0.9, 1), error_reasons={reason: 1})
    data = as_pdf(experiment("Übersetzung ありがとう"), summed(one))
    said = text_of(data)
    for word in ("naïve", "日本語カナ", "中文", "한국어", "Übersetzung", "ありがとう", "提示"):
        assert word in said
    assert "PENSTOCK_REPORT_FONT" in said
    markup, missing = typeface().markup("<&>\N{GRINNING FACE}\n x")
    assert (markup[:13], missing, markup[-2:]) == ("&lt;&amp;&gt;", 1, " x")


def test_without_any_font_of_the_system_latin_is_shown(monkeypatch):
    monkeypatch.setattr("penstock.evals.experiments.fonts.FOLDERS", ())
    typeface.cache_clear()
    try:
        assert typeface().markup("é\u0416") == (f"é{'?'}", 1)
        assert "Ende é" in text_of(as_pdf(experiment("Ende é"), summed(variant("a", 0.9, 1))))
    finally:
        typeface.cache_clear()


def test_a_font_of_the_users_goes_first_and_one_that_cannot_be_used_is_named(tmp_path):
    data = as_pdf(experiment(), summed(variant("a", 0.9, 1)), font=VERA)
    assert b"BitstreamVera" in data
    broken = tmp_path / "font.otf"
    broken.write_bytes(b"OTTO" + bytes(40))
    for path in (broken, tmp_path / "none.ttf"):
        with pytest.raises(InvalidInput, match=path.name) as caught:
            as_pdf(experiment(), summed(variant("a", 0.9, 1)), font=path)
        assert caught.value.code == "font_unusable"
    assert report_font({"PENSTOCK_REPORT_FONT": str(VERA)}) == VERA
    assert report_font({}) is None


def test_a_missing_extra_is_named(monkeypatch):
    real = builtins.__import__

    def refused(name, *rest, **more):
        if name.endswith("experiments.paper"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refused)
    with pytest.raises(MissingExtra, match="reportlab") as caught:
        as_pdf(experiment(), summed(variant("a", 0.9, 1)))
    assert "penstock[report]" in (caught.value.hint or "")


def test_many_lines_and_metrics_are_set_in_bounded_memory():
    many = summed(variant("a", 0.9, 1, metrics=10), slices=14)
    as_pdf(experiment(), summed(variant("a", 0.9, 1)))
    tracemalloc.start()
    data = as_pdf(experiment(), many)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    pages = PdfReader(io.BytesIO(data)).pages
    assert len(pages) > 5
    # Every page repeats the head of its table; the results have more columns than a page holds.
    assert "slice" in pages[3].extract_text()
    assert "what" in pages[0].extract_text()
    assert peak < 12e6


def test_a_cell_taller_than_a_page_is_split():
    one = msgspec.structs.replace(variant("a", 0.9, 1), variant="word " * 4000)
    assert len(PdfReader(io.BytesIO(as_pdf(experiment(), summed(one)))).pages) > 1


def test_who_is_beaten_at_both_is_said():
    summary = summed(variant("cheap", 0.9, 1.0), variant("good", 0.95, 2.0), variant("neither", 0.8, 3.0))
    found = pareto(summary)
    assert found is not None
    assert [one.variant for one in found.front()] == ["cheap", "good"]
    assert found.sentence() == "neither is beaten at both by cheap."
    assert "neither is beaten" in text_of(as_pdf(experiment(), summary))
    assert as_html(experiment(), summary).count("<circle") == 3
    assert pareto(summed(variant("a", 0.9, 1))) is None
    none = msgspec.structs.replace(variant("a", 0.9, 1), metrics=[])
    assert pareto(summed(none, none)) is None
    same = pareto(summed(variant("a", 0.9, 1), variant("b", 0.9, 1)))
    assert same is not None
    assert same.sentence() == "None of the variants is beaten by another at both."


values = st.floats(min_value=1e-9, max_value=1e9)


@given(st.lists(st.tuples(values, values), min_size=2, max_size=6))
@settings(max_examples=60)
def test_every_point_lies_in_the_picture_and_one_is_never_beaten(pairs):
    found = pareto(summed(*(variant(f"<{index}>", y, x) for index, (x, y) in enumerate(pairs))))
    assert found is not None
    assert found.front()
    picture = placed(found)
    for one in picture.points:
        assert 0 <= one.across[0] <= one.x <= one.across[1] <= WIDTH
        assert 0 <= one.along[0] <= one.y <= one.along[1] <= HEIGHT
    assert "<0>" not in as_svg(found)
    assert MISSING not in as_svg(found)


async def test_rows_are_worst_where_an_error_rose(lab: Lab):
    asked = []

    def page(terms):
        asked.append((terms.order, terms.change))
        return lab.place._results.differences("local", made.id, msgspec.structs.replace(terms, metric="exact"))

    lab.provider.script = wrong
    _, made = await lab.run(lab.made(4, variants=[VariantSpec(name="a", model="m"), VariantSpec(name="b", model="n")]))
    summary = lab.place.summary(made.id)
    (one,) = [one for one in summary.comparisons if one.metric == "exact"]
    errors = msgspec.structs.replace(one, metric="tool_errors", wins=4, losses=0)
    many = [msgspec.structs.replace(one, metric=f"m{n}", losses=1) for n in range(9)]
    worst_rows(page, msgspec.structs.replace(summary, comparisons=[errors]))
    assert asked == [("rise", "rose")]
    assert len(worst_rows(page, msgspec.structs.replace(summary, comparisons=many))) == 6
