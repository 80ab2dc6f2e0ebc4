"""The command line's options as a configuration; `penstock sim` and `python -m penstock.simulator` share it."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from penstock.core.errors import InvalidInput
from penstock.simulator.config import ReplayConfig, SimulatorConfig, TraceConfig
from penstock.simulator.distributions import parse_distribution
from penstock.simulator.faults import Fault, parse_fault, parse_faults

__all__ = ["build_config", "make_parser", "parse_mapping", "read_faults"]

_PLAIN = (
    "seed",
    "text",
    "output_tokens",
    "ttft",
    "token_rate",
    "latency",
    "chunk_tokens",
    "events_per_write",
    "cached",
)


def make_parser() -> argparse.ArgumentParser:
    """Options of `python -m penstock.simulator`. Those not given are absent, so that defaults stand in one place."""
    parser = argparse.ArgumentParser(prog="python -m penstock.simulator", argument_default=argparse.SUPPRESS)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4190, help="0 picks a free one")
    parser.add_argument("--ready-file", type=Path, default=None, help='gets {"url": …} once it serves')
    parser.add_argument("--ready-fd", type=int, default=None, help="pipe that is told the same")
    parser.add_argument("--parent-fd", type=int, default=None, help="pipe whose end ends the simulator")
    parser.add_argument("--listen-fd", type=int, default=None, help="inherited listening socket, instead of a port")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--text", choices=("template", "echo"))
    parser.add_argument("--replay", type=Path, metavar="JSONL")
    parser.add_argument("--replay-question", metavar="FIELD")
    parser.add_argument("--replay-answers", metavar="MODEL=FIELD,…")
    parser.add_argument("--trace", type=Path, metavar="CSV")
    parser.add_argument("--trace-columns", metavar="FIELD=COLUMN,…")
    for name in ("output-tokens", "ttft", "token-rate", "latency"):
        parser.add_argument(f"--{name}", metavar="DISTRIBUTION")
    parser.add_argument("--chunk-tokens", type=int)
    parser.add_argument("--events-per-write", type=int)
    parser.add_argument("--cached", type=float, metavar="SHARE")
    parser.add_argument("--fault", action="append", metavar="FAULT")
    parser.add_argument("--faults", type=Path, metavar="FILE")
    parser.add_argument("--api-key", action="append", metavar="KEY")
    parser.add_argument("--only-listed-models", action="store_true")
    return parser


def build_config(options: Mapping[str, Any]) -> SimulatorConfig:
    """The configuration that options describe; None and absent mean the default.

    Raises:
        InvalidInput: an option does not fit.
    """
    given = {name: value for name, value in options.items() if value is not None}
    fields: dict[str, Any] = {name: given[name] for name in _PLAIN if name in given}
    if fields.get("text", "template") not in ("template", "echo"):
        raise InvalidInput(f"--text expects template or echo, got {fields['text']!r}.")
    for name in ("output_tokens", "ttft", "token_rate", "latency"):
        if name in fields:
            _check_distribution(name, fields[name])
    for name in ("chunk_tokens", "events_per_write"):
        if fields.get(name, 1) < 1:
            raise InvalidInput(f"--{name.replace('_', '-')} expects at least 1, got {fields[name]}.")
    if not 0.0 <= fields.get("cached", 0.0) <= 1.0:
        raise InvalidInput(f"--cached expects a share between 0 and 1, got {fields['cached']}.")
    if "replay" in given:
        fields["replay"] = ReplayConfig(
            file=given["replay"],
            question=given.get("replay_question", "question"),
            answers=parse_mapping(given.get("replay_answers", ""), option="--replay-answers"),
        )
    if "trace" in given:
        columns = parse_mapping(given.get("trace_columns", ""), option="--trace-columns")
        fields["trace"] = TraceConfig(file=given["trace"], columns=columns)
    faults: Sequence[Fault] = read_faults(given["faults"]) if "faults" in given else ()
    fields["faults"] = (*faults, *map(parse_fault, given.get("fault", ())))
    fields["api_keys"] = tuple(given.get("api_key", ()))
    fields["only_listed_models"] = given.get("only_listed_models", False)
    return SimulatorConfig(**fields)


def _check_distribution(name: str, text: str) -> None:
    try:
        parse_distribution(text)
    except InvalidInput as error:
        raise InvalidInput(f"--{name.replace('_', '-')}: {error.message}") from error


def parse_mapping(text: str, *, option: str) -> dict[str, str]:
    """`a=b,c=d` as a dictionary.

    Raises:
        InvalidInput: a part has no name or no value.
    """
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    for name, _, value in pairs:
        if not name.strip() or not value.strip():
            raise InvalidInput(f"{option} expects NAME=VALUE,NAME=VALUE, got {text!r}.")
    return {name.strip(): value.strip() for name, _, value in pairs}


def read_faults(path: Path) -> tuple[Fault, ...]:
    """Faults of a YAML or JSON file: a list, or an object with `faults`.

    Raises:
        InvalidInput: the file cannot be read, or holds something else.
    """
    # 60 ms of start that only this option is worth.
    from ruamel.yaml import YAML  # noqa: PLC0415 - as said above
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415 - as said above

    try:
        content: Any = YAML(typ="safe", pure=True).load(path)  # pyright: ignore[reportUnknownMemberType] - ruamel has no types
    except (OSError, YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The file of faults {path} cannot be read: {error}.") from error
    try:
        return parse_faults(content)
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error.message}") from error
