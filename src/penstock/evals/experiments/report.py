"""Reports that are passed on: Markdown for a pull request, HTML for people, JUnit XML for CI."""

from collections.abc import Sequence
from html import escape
from typing import Final
from xml.etree import ElementTree as ET

from penstock.core.money import format_dollars
from penstock.evals.experiments.differences import RowDifference
from penstock.evals.experiments.pareto import pareto
from penstock.evals.experiments.picture import as_svg
from penstock.evals.experiments.summary import Figure, MetricSummary, Summary, VariantComparison
from penstock.evals.experiments.types import Experiment
from penstock.evals.experiments.worst import WorstRows
from penstock.evals.gates.types import GateResult, Unit, Verdict
from penstock.evals.gates.units import show, show_difference

__all__ = ["as_html", "as_junit", "as_markdown", "comparison_row", "headline", "metric_cell", "sections", "verdict_of"]

Table = tuple[list[str], list[list[str]]]
MAX_REASON: Final = 160
_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#1c2126}"
    "table{border-collapse:collapse;margin:1em 0;font-variant-numeric:tabular-nums}"
    "th,td{padding:.3em .8em;border-bottom:1px solid #d8dde2;text-align:left}"
    ".PASS{color:#0a7a3d}.FAIL{color:#b3261e}.INCONCLUSIVE{color:#8a6100}"
    "@media(prefers-color-scheme:dark){body{background:#14181c;color:#e4e8ec}th,td{border-color:#333a41}}"
)


def verdict_of(gates: dict[str, GateResult]) -> Verdict | None:
    """Of all gated variants together: the worst. None without rules."""
    verdicts = {result.verdict for result in gates.values()}
    if not verdicts:
        return None
    if "FAIL" in verdicts:
        return "FAIL"
    return "INCONCLUSIVE" if "INCONCLUSIVE" in verdicts else "PASS"


def as_markdown(experiment: Experiment, summary: Summary, *, worst: Sequence[WorstRows] = ()) -> str:
    """A report of a few tables; text of the experiment cannot leave its cell."""
    lines = [f"## {_plain(experiment.name)}", "", _plain(headline(experiment, summary)), ""]
    for title, (columns, rows) in sections(summary, worst=worst):
        if rows:
            lines += [f"### {_plain(title)}", "", _bar(columns), _bar(["---"] * len(columns)), *map(_bar, rows), ""]
    return "\n".join(lines)


def as_html(experiment: Experiment, summary: Summary, *, worst: Sequence[WorstRows] = ()) -> str:
    """A page of its own, without scripts."""
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{escape(experiment.name)}</title><style>{_STYLE}</style>",
        f"<h1>{escape(experiment.name)}</h1><p>{escape(headline(experiment, summary))}</p>",
    ]
    picture = pareto(summary)
    if picture is not None:
        parts.append(f"<h2>Quality and its price</h2>{as_svg(picture)}<p>{escape(picture.sentence())}</p>")
    for title, (columns, rows) in sections(summary, worst=worst):
        if rows:
            head = "".join(f"<th>{escape(name)}</th>" for name in columns)
            body = "".join(f"<tr>{''.join(map(_html_cell, row))}</tr>" for row in rows)
            parts.append(f"<h2>{escape(title)}</h2><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    return "\n".join(parts) + "\n</html>\n"


def as_junit(experiment: Experiment, summary: Summary) -> str:
    """JUnit XML: a suite for each gated variant, a case for each rule. An open question is an error, a no a failure."""
    root = ET.Element("testsuites", name=_xml(experiment.name))
    for variant, result in summary.gates.items():
        failures = sum(one.verdict == "FAIL" for one in result.rules)
        errors = sum(one.verdict == "INCONCLUSIVE" for one in result.rules)
        suite = ET.SubElement(
            root,
            "testsuite",
            name=_xml(f"{experiment.name}: {variant}"),
            tests=str(len(result.rules)),
            failures=str(failures),
            errors=str(errors),
        )
        for one in result.rules:
            case = ET.SubElement(suite, "testcase", classname=_xml(variant), name=_xml(one.rule))
            if one.verdict != "PASS":
                kind = "failure" if one.verdict == "FAIL" else "error"
                ET.SubElement(case, kind, message=_xml(one.reason), type=one.verdict)
            else:
                ET.SubElement(case, "system-out").text = _xml(one.reason)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def metric_cell(metric: MetricSummary) -> str:
    """`84.2% [81.8%, 86.3%], 12 unscored`."""
    parts: list[str] = []
    if metric.figure is not None:
        parts.append(_figure(metric.figure, metric.unit))
    elif metric.labels:
        parts.append(", ".join(f"{label} {count:,}" for label, count in sorted(metric.labels.items())))
    else:
        parts.append("too few values")
    if metric.unscored:
        parts.append(f"{metric.unscored:,} unscored")
    return ", ".join(parts)


def comparison_row(one: VariantComparison) -> list[str]:
    """Metric, variant, difference, p, wins, losses, ties."""
    low, high = one.difference.low, one.difference.high
    difference = show_difference(one.difference.value, one.unit)
    if low is not None and high is not None:
        difference += f" [{show_difference(low, one.unit)}, {show_difference(high, one.unit)}]"
    p = f"{one.p_corrected:.2g}" if one.p_corrected >= 0.0001 else "< 0.0001"
    record = f"{one.wins:,} / {one.losses:,} / {one.ties:,}"
    return [one.metric, one.variant, difference, p, record, f"{one.n:,}"]


def headline(experiment: Experiment, summary: Summary) -> str:
    """The gate's answer, how far it is and what it cost, in a few sentences."""
    counts = experiment.counts
    verdict = verdict_of(summary.gates)
    parts = [] if verdict is None else [f"Gate: {verdict}."]
    if experiment.state != "done":
        why = f" ({experiment.reason})" if experiment.reason else ""
        parts.append(f"The experiment is {experiment.state}{why}: figures are of what is there.")
    parts.append(
        f"{experiment.rows:,} rows, {counts.done:,} of {counts.total:,} answers, {counts.errors:,} errors, "
        f"{counts.cached:,} from the cache, {format_dollars(counts.cost)} paid"
        + (f" and {counts.unpriced:,} answers of unknown cost." if counts.unpriced else ".")
    )
    parts.append(f"Intervals are at {summary.confidence:.0%}; p-values are corrected by Holm's method.")
    return " ".join(parts)


def sections(summary: Summary, *, worst: Sequence[WorstRows] = ()) -> list[tuple[str, Table]]:
    """Titles, each with its columns and rows; one without rows has nothing to say."""
    return [
        ("Gate", _gate_table(summary)),
        ("Results", _metric_table(summary)),
        (f"Against {summary.baseline}", _comparison_table(summary)),
        *((_worst_title(one), _worst_table(one)) for one in worst),
        ("Slices", _slice_table(summary)),
        ("Errors", _error_table(summary)),
    ]


def _gate_table(summary: Summary) -> Table:
    rows = [
        [one.verdict, variant, one.rule, one.reason]
        for variant, result in summary.gates.items()
        for one in result.rules
    ]
    return ["", "variant", "rule", "reason"], rows


def _metric_table(summary: Summary) -> Table:
    names = list(dict.fromkeys(one.metric for variant in summary.variants for one in variant.metrics))
    rows: list[list[str]] = []
    for variant in summary.variants:
        by_name = {one.metric: one for one in variant.metrics}
        cells = [metric_cell(by_name[name]) if name in by_name else "-" for name in names]
        p95 = "-" if variant.latency_p95 is None else _figure(variant.latency_p95, "seconds")
        rows.append([variant.variant, *cells, p95])
    return ["variant", *names, "p95 latency"], rows


def _comparison_table(summary: Summary) -> Table:
    worst_first = sorted(summary.comparisons, key=lambda one: (one.metric, one.difference.value))
    columns = ["metric", "variant", "difference", "p", "wins / losses / ties", "rows"]
    return columns, [comparison_row(one) for one in worst_first]


def _worst_title(one: WorstRows) -> str:
    return f"{one.metric}: rows where {one.variant} is worst, {len(one.rows):,} of {one.count:,}"


def _worst_table(one: WorstRows) -> Table:
    def row(found: RowDifference) -> list[str]:
        shown = ["-" if value is None else show(value, one.unit) for value in _pair(found, one)]
        difference = "-" if found.difference is None else show_difference(found.difference, one.unit)
        return [f"{found.position:,}", found.id, _cut(found.input), *shown, difference]

    return ["row", "id", "input", one.baseline, one.variant, "difference"], [row(found) for found in one.rows]


def _pair(found: RowDifference, one: WorstRows) -> tuple[float | None, float | None]:
    return found.values.get(one.baseline), found.values.get(one.variant)


def _slice_table(summary: Summary) -> Table:
    rows = [
        [f"{one.field} = {one.value}", f"{one.rows:,}", variant, metric.metric, metric_cell(metric)]
        for one in summary.slices
        for variant, metrics in one.variants.items()
        for metric in metrics
    ]
    return ["slice", "rows", "variant", "metric", "value"], rows


def _error_table(summary: Summary) -> Table:
    rows = [
        [variant.variant, what, f"{count:,}", _cut(reason)]
        for variant in summary.variants
        for what, reasons in (
            ("call", variant.error_reasons),
            *((one.metric, one.reasons) for one in variant.metrics),
        )
        for reason, count in sorted(reasons.items(), key=lambda pair: -pair[1])[:5]
    ]
    return ["variant", "of", "how often", "reason"], rows


def _figure(figure: Figure, unit: Unit) -> str:
    value = show(figure.value, unit)
    if figure.low is None and figure.high is None:
        return value
    low = "…" if figure.low is None else show(figure.low, unit)
    high = "…" if figure.high is None else show(figure.high, unit)
    return f"{value} [{low}, {high}]"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_REASON else f"{text[:MAX_REASON]}…"


def _bar(cells: list[str]) -> str:
    return f"| {' | '.join(map(_plain, cells))} |"


def _plain(text: str) -> str:
    """Text that Markdown takes for nothing but text, on one line."""
    line = " ".join(text.split())
    for character in "\\`*_{}[]<>#|~@!":
        if character in line:
            line = line.replace(character, f"\\{character}" if character not in "<>@" else _ENTITIES[character])
    return line


_ENTITIES: Final = {"<": "&lt;", ">": "&gt;", "@": "&#64;"}


def _html_cell(text: str) -> str:
    known = f' class="{text}"' if text in {"PASS", "FAIL", "INCONCLUSIVE"} else ""
    return f"<td{known}>{escape(text)}</td>"


def _xml(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return "".join(one for one in text if one in "\t\n" or (one >= " " and one not in "\ufffe\uffff"))
