"""`penstock eval`: run, list, show, compare, resume, cancel, calibrate, report, init-ci."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import typer

from penstock.cli.ci_files import CI_FILES
from penstock.cli.evaluating import Where, exit_of, open_place, open_session, run_session, show_summary
from penstock.cli.options import HomeOption, JsonOption, KeyOption, ProjectOption, QuietOption, UrlOption
from penstock.cli.output import Exit, format_count, format_time, one_line, print_data, print_json, print_table, say
from penstock.core.errors import Conflict, InvalidInput
from penstock.core.money import format_dollars

if TYPE_CHECKING:
    from penstock.evals.experiments.places import Place
    from penstock.evals.experiments.session import Session
    from penstock.evals.experiments.summary import Summary
    from penstock.evals.experiments.types import Experiment, ExperimentSpec

__all__ = ["app"]

app = typer.Typer()
evals = typer.Typer(no_args_is_help=True)
app.add_typer(evals, name="eval", help="Experiments: variants compared on a dataset, and gates for CI.")

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Of the experiment.", show_default=False)]
LocalOption = Annotated[
    bool, typer.Option("--local", help="Use no console: experiments are kept in .penstock/evals.db.")
]
GatewayOption = Annotated[
    str | None,
    typer.Option(
        "--gateway",
        metavar="URL",
        show_default=False,
        help="Whom to ask: a gateway, or any server with OpenAI's API. Default: PENSTOCK_GATEWAY_URL, "
        "OPENAI_BASE_URL, or the console's gateway.",
    ),
]
GateOption = Annotated[
    bool, typer.Option("--gate", help="Exit with 1 when a rule fails, with 2 when it cannot be told.")
]
JUnitOption = Annotated[
    Path | None, typer.Option("--junit", metavar="PATH", show_default=False, help="Write the gate as JUnit XML.")
]
MarkdownOption = Annotated[
    Path | None, typer.Option("--markdown", metavar="PATH", show_default=False, help="Write the report as Markdown.")
]
HtmlOption = Annotated[
    Path | None, typer.Option("--html", metavar="PATH", show_default=False, help="Write the report as a page.")
]
PdfOption = Annotated[
    Path | None,
    typer.Option("--pdf", metavar="PATH", show_default=False, help="Write the report as PDF; needs the extra report."),
]
FontOption = Annotated[
    Path | None,
    typer.Option(
        "--font",
        metavar="FILE",
        envvar="PENSTOCK_REPORT_FONT",
        show_default=False,
        help="A TrueType font for the PDF, before those of the system.",
    ),
]
PatienceOption = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        min=0,
        help="How long a call of a run that was killed may still be under way at the gateway.",
    ),
]


@evals.command("run")
def run_experiment(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The experiment, YAML or JSON.", show_default=False)],
    *,
    gate: GateOption = False,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="ID", show_default=False, help="Go on with this one instead.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Use no answers of earlier experiments.")] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, show_default=False, help="Ask the first so many rows only.")
    ] = None,
    patience: PatienceOption = 120.0,
    junit: JUnitOption = None,
    markdown: MarkdownOption = None,
    html: HtmlOption = None,
    pdf: PdfOption = None,
    font: FontOption = None,
    quiet: QuietOption = False,
    local: LocalOption = False,
    gateway: GatewayOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run an experiment, and say what it found. Ctrl-C pauses it; `penstock eval resume` goes on."""
    from penstock.evals.experiments.written import read_spec  # noqa: PLC0415 - only when the command runs

    spec = read_spec(file)
    if limit is not None:
        spec = msgspec.structs.replace(spec, limit=limit)
    where = Where(home=home, url=url, key=key, project=project, local=local, gateway=gateway)
    with open_session(where) as session:
        if resume is not None:
            experiment = session.place.get(resume)
        else:
            experiment = _made(session, spec, file.parent, cache=not no_cache)
            say(f"Experiment {experiment.id}: {experiment.counts.total:,} answers, kept in {session.place.name}.")
        run_session(session, experiment, quiet=quiet, patience=patience)
        _tell(session, experiment.id, gate=gate, as_json=as_json, files=_Files(junit, markdown, html, pdf, font))


@evals.command("resume")
def resume_experiment(
    id_: IdArgument,
    *,
    gate: GateOption = False,
    patience: PatienceOption = 120.0,
    junit: JUnitOption = None,
    markdown: MarkdownOption = None,
    html: HtmlOption = None,
    pdf: PdfOption = None,
    font: FontOption = None,
    quiet: QuietOption = False,
    local: LocalOption = False,
    gateway: GatewayOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go on with an experiment that was paused, killed or stopped. What was answered is not asked again."""
    where = Where(home=home, url=url, key=key, project=project, local=local, gateway=gateway)
    with open_session(where) as session:
        run_session(session, session.place.get(id_), quiet=quiet, patience=patience)
        _tell(session, id_, gate=gate, as_json=as_json, files=_Files(junit, markdown, html, pdf, font))


@evals.command("list")
def list_experiments(
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    local: LocalOption = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List experiments, newest first."""
    with open_place(Where(home=home, url=url, key=key, project=project, local=local, gateway=None)) as (place, _, _):
        items = place.listed(limit=limit)
    if as_json:
        print_json({"items": items, "next_cursor": None})
        return
    cells = [
        [
            one.id,
            one_line(one.name),
            one.state,
            f"{one.counts.done:,} / {one.counts.total:,}",
            format_count(one.counts.errors),
            format_dollars(one.counts.cost),
            format_time(one.created),
        ]
        for one in items
    ]
    print_table(["id", "name", "state", "answers", "errors", "paid", "created"], cells, right=("answers", "errors"))


@evals.command("show")
def show_experiment(
    id_: IdArgument,
    *,
    local: LocalOption = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what an experiment found: intervals, comparisons, the gate."""
    with open_place(Where(home=home, url=url, key=key, project=project, local=local, gateway=None)) as (place, _, _):
        experiment, summary = place.get(id_), place.summary(id_)
    if as_json:
        print_json({"experiment": experiment, "summary": summary})
    else:
        show_summary(experiment, summary)


@evals.command("compare")
def compare_rows(
    id_: IdArgument,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="Only answers that failed.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many answers.")] = 50,
    local: LocalOption = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show answers row by row, all variants of a row together."""
    with open_place(Where(home=home, url=url, key=key, project=project, local=local, gateway=None)) as (place, _, _):
        page = place.cells(id_, failed=True if failed else None)
        items = page.items
        while page.next_cursor is not None and len(items) < limit:
            page = place.cells(id_, failed=True if failed else None, cursor=page.next_cursor)
            items += page.items
    items = items[:limit]
    if as_json:
        print_json({"items": items})
        return
    cells = [
        [
            str(one.position),
            one.variant,
            ", ".join(f"{found.name} {_value(found.value, found.error)}" for found in one.findings),
            one_line(one.error or (one.output.text if one.output is not None else "")),
        ]
        for one in items
    ]
    print_table(["row", "variant", "judgements", "answer"], cells, right=("row",))


@evals.command("cancel")
def cancel_experiment(
    id_: IdArgument,
    *,
    pause: Annotated[bool, typer.Option("--pause", help="Only pause it.")] = False,
    local: LocalOption = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """End an experiment; calls under way are finished."""
    with open_place(Where(home=home, url=url, key=key, project=project, local=local, gateway=None)) as (place, _, _):
        experiment = place.want(id_, what="pause" if pause else "cancel")
    if as_json:
        print_json(experiment)
    elif experiment.state == "running":
        say("Whoever runs it has been asked to stop.")
    else:
        say(f"The experiment is {experiment.state}.")


@evals.command("calibrate")
def calibrate_judge(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Of the registry's evaluator, or of one in the experiment.")
    ],
    *,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels",
            metavar="FILE",
            show_default=False,
            help='JSONL: {"row": 3, "people": true} with --experiment, else {"judge": true, "people": true}.',
        ),
    ] = None,
    experiment: Annotated[
        str | None,
        typer.Option("--experiment", metavar="ID", show_default=False, help="Take the verdicts recorded in this one."),
    ] = None,
    scores: Annotated[
        str | None,
        typer.Option(
            "--scores",
            metavar="SCORE",
            show_default=False,
            help="With --experiment: take people's scores of this name as labels.",
        ),
    ] = None,
    version: Annotated[str, typer.Option("--version", help="Of the registry's evaluator.")] = "latest",
    metric: Annotated[
        str | None, typer.Option("--metric", metavar="METRIC", show_default=False, help="A part: rubric.tone.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            show_default=False,
            help="With --local: write the labels for `calibration:` of an experiment's file.",
        ),
    ] = None,
    local: LocalOption = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold a judge against people's labels. Exits with 1 when it may not gate yet."""
    from penstock.cli.calibrating import read_labels, show_calibration, write_calibration  # noqa: PLC0415 - as above
    from penstock.evals.experiments.calibration_types import NewCalibration  # noqa: PLC0415 - as above

    new = NewCalibration(
        version=version,
        experiment=experiment,
        metric=metric,
        labels=[] if labels is None else read_labels(labels),
        scores=scores,
    )
    with open_place(Where(home=home, url=url, key=key, project=project, local=local, gateway=None)) as (place, _, _):
        if output is not None:
            write_calibration(place, name, new, output)
        record = place.calibrate(name, new)
    if as_json:
        print_json(record)
    else:
        show_calibration(record)
    if not record.report.calibrated:
        raise typer.Exit(Exit.NO)


@evals.command("report")
def write_report(
    id_: IdArgument,
    *,
    form: Annotated[
        Literal["markdown", "html", "pdf", "junit", "jsonl", "csv"], typer.Option("--format", help="Of the report.")
    ] = "markdown",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", show_default=False, help="Default: the standard output."),
    ] = None,
    font: FontOption = None,
    local: LocalOption = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Write a report, or all answers, as a file."""
    if form == "pdf" and output is None:
        raise InvalidInput("A PDF is not for a terminal.", field="output", hint="Name a file: --output report.pdf.")
    with open_place(Where(home=home, url=url, key=key, project=project, local=local, gateway=None)) as (place, _, _):
        if form in {"jsonl", "csv"}:
            data = b"".join(place.export(id_, form=form))
        else:
            data = _report(place, place.get(id_), place.summary(id_), form=form, font=font)
    if output is None:
        print_data(data.decode().rstrip("\n"))
    else:
        _write(output, data)


@evals.command("init-ci")
def init_ci(
    system: Annotated[Literal["github", "gitlab"], typer.Argument(help="Whose files.")],
    *,
    file: Annotated[
        str, typer.Option("--file", metavar="FILE", help="The experiment that is to be run.")
    ] = "evals/experiment.yaml",
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write the files with which CI runs an experiment and comments on a pull request."""
    path, content = CI_FILES[system]
    target = Path(path)
    if target.exists() and not force:
        raise Conflict(f"{path} is there already.", hint="Write over it with --force.", code="file_exists")
    target.parent.mkdir(parents=True, exist_ok=True)
    _write(target, content.replace("@FILE@", file).encode())
    say(f"{path} is written. Give CI the secrets PENSTOCK_KEY and PENSTOCK_CONSOLE_URL; see docs/ci.md.")


class _Files(msgspec.Struct):
    """Where reports go."""

    junit: Path | None
    markdown: Path | None
    html: Path | None
    pdf: Path | None
    font: Path | None


def _made(session: "Session", spec: "ExperimentSpec", folder: Path, *, cache: bool) -> "Experiment":
    from penstock.evals.experiments.files import read_rows  # noqa: PLC0415 - as above

    _calibrate(session, spec, folder)
    path = folder / spec.dataset
    if path.suffix.lower() not in {".jsonl", ".ndjson", ".csv"}:
        if session.place.records is not None:
            # The console fills it with the rows of a dataset of its registry.
            return session.create(spec, (), cache=cache)
        raise InvalidInput(
            f"Expected a dataset as a file, .jsonl or .csv, got {spec.dataset!r}.",
            hint="Datasets of the registry need a console: name it with --url.",
            field="dataset",
        )
    return session.create(spec, read_rows(path, spec.columns, limit=spec.limit), cache=cache)


def _calibrate(session: "Session", spec: "ExperimentSpec", folder: Path) -> None:
    """Take over what a file beside the experiment says of its judges."""
    from penstock.evals.experiments.calibrations import read_calibrations  # noqa: PLC0415 - as above
    from penstock.evals.experiments.places import LocalPlace  # noqa: PLC0415 - as above

    if spec.calibration is None:
        return
    if isinstance(session.place, LocalPlace):
        session.place.keep(read_calibrations(folder / spec.calibration))
    else:
        say("Calibrations are kept by the console, and the file is not used: penstock eval calibrate NAME.")


def _tell(session: "Session", id_: str, *, gate: bool, as_json: bool, files: _Files) -> None:
    """Print what was found, write the reports, and end with the exit code."""
    experiment, summary = session.place.get(id_), session.place.summary(id_)
    wanted = {"junit": files.junit, "markdown": files.markdown, "html": files.html, "pdf": files.pdf}
    for form, path in wanted.items():
        if path is not None:
            _write(path, _report(session.place, experiment, summary, form=form, font=files.font))
    if as_json:
        print_json({"experiment": experiment, "summary": summary})
    else:
        show_summary(experiment, summary)
    _end(experiment, summary, gate=gate)


def _end(experiment: "Experiment", summary: "Summary", *, gate: bool) -> None:
    code = exit_of(experiment, summary, gate=gate)
    if gate and not summary.gates:
        say("The experiment has no rules: add `gate:` to its file.")
    if experiment.state in {"paused", "stopped"}:
        say(f"The experiment is {experiment.state}. Go on with: penstock eval resume {experiment.id}")
    if code is not Exit.DONE:
        raise typer.Exit(code)


def _report(place: "Place", experiment: "Experiment", summary: "Summary", *, form: str, font: Path | None) -> bytes:
    """A report in one of its forms."""
    from penstock.evals.experiments.pdf import as_pdf  # noqa: PLC0415 - as above
    from penstock.evals.experiments.report import as_html, as_junit, as_markdown  # noqa: PLC0415 - as above

    if form == "junit":
        return as_junit(experiment, summary).encode()
    worst = place.worst(experiment.id, summary)
    if form == "pdf":
        return as_pdf(experiment, summary, worst=worst, font=font)
    return (as_html if form == "html" else as_markdown)(experiment, summary, worst=worst).encode()


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.") from error


def _value(value: object, error: str | None) -> str:
    if error is not None:
        return "unscored"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).lower() if isinstance(value, bool) else str(value)
