"""What `penstock eval calibrate` reads, writes and shows."""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from penstock.cli.output import print_data, say
from penstock.core.errors import InvalidInput
from penstock.evals.experiments.calibration_types import CalibrationRecord, NewCalibration, PeopleLabel

if TYPE_CHECKING:
    from penstock.evals.experiments.places import Place
    from penstock.evals.statistics.types import Estimate

__all__ = ["read_labels", "show_calibration", "write_calibration"]


def read_labels(path: Path) -> list[PeopleLabel]:
    """Labels of a JSONL file.

    Raises:
        InvalidInput: it cannot be read; the message names the line.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.", field="labels") from error
    found: list[PeopleLabel] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(msgspec.json.decode(line, type=PeopleLabel))
        except msgspec.MsgspecError as error:
            raise InvalidInput(
                f"{path}:{number}: {error}.",
                field="labels",
                hint='A line is {"row": 3, "people": true}, or {"judge": true, "people": true} without --experiment.',
            ) from error
    return found


def write_calibration(place: "Place", name: str, new: NewCalibration, path: Path) -> None:
    """Write the labels with the judge's verdicts into a file, in the place of older ones of the same version.

    Raises:
        InvalidInput: a console keeps calibrations itself, or the file cannot be written.
    """
    from penstock.evals.experiments.calibrations import read_calibrations  # noqa: PLC0415 - SQL, only when it is used
    from penstock.evals.experiments.places import LocalPlace  # noqa: PLC0415 - as above

    if not isinstance(place, LocalPlace):
        raise InvalidInput("The console keeps calibrations itself.", hint="Leave out --output.", field="output")
    written = place.written(name, new)
    before = read_calibrations(path) if path.exists() else []
    kept = [one for one in before if (one.name, one.metric) != (written.name, written.metric)]
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode([*kept, written]), indent=1) + b"\n")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.", field="output") from error
    say(f"{path} is written; name it in the experiment: `calibration: {path.name}`.")


def show_calibration(record: CalibrationRecord) -> None:
    """The report on stdout."""
    report = record.report
    verdict = "is calibrated, and may gate" if report.calibrated else "is not calibrated: it may show, not gate"
    which = record.name if record.version is None else f"{record.name}@{record.version}"
    print_data(f"{which} ({record.metric}, {record.evaluator[:12]}) {verdict}.")
    for reason in report.reasons:
        print_data(f"  {reason}")
    print_data(f"{report.n:,} labels, {report.unscored:,} on which the judge could not say")
    figures = [("agreement with people (alpha)", report.agreement)]
    if report.accuracy is not None:
        figures += [("sensitivity", report.accuracy.sensitivity), ("specificity", report.accuracy.specificity)]
    figures += [
        ("alpha of `the longer is right`", report.lengths),
        ("rate of the other items, corrected", report.corrected),
        ("people's mean over all items", None if report.combined is None else report.combined.estimate),
    ]
    for name, estimate in figures:
        if estimate is not None:
            print_data(f"  {name}: {_figure(estimate)}")


def _figure(estimate: "Estimate") -> str:
    return f"{estimate.value:.3f} [{estimate.interval.low:.3f}, {estimate.interval.high:.3f}]"
