"""`docs/simulator.md` says what the code does."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest
import typer

from penstock.cli.commands.sim import app
from penstock.simulator.arguments import make_parser
from penstock.simulator.control import COUNTS
from penstock.simulator.distributions import parse_distribution
from penstock.simulator.faults import Fault, UsageStyle, parse_fault, parse_faults
from penstock.simulator.routes import find_route

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()


def section(title):
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def table_names(text):
    """Every name in code at the head of a table's row, without its value."""
    heads = [row.split("|")[1] for row in text.splitlines() if row.startswith("| `")]
    return {name.split("=")[0] for head in heads for name in re.findall(r"`([^`]+)`", head)}


def test_every_fault_is_explained_and_no_other():
    assert table_names(section("Faults")) == {field.name for field in msgspec.structs.fields(Fault)} | set(
        get_args(UsageStyle)
    )


def test_every_usage_style_is_explained():
    assert table_names(section("Faults").split("Usage styles")[1]) == set(get_args(UsageStyle))


@pytest.mark.parametrize("order", re.findall(r"(?:--fault '|x-sim-fault: |\[\[sim: )([^'`\]]+)", PAGE))
def test_orders_of_the_page_are_valid(order):
    assert parse_fault(order) != Fault()


def test_the_schedule_of_the_page_is_valid(tmp_path):
    from ruamel.yaml import YAML  # noqa: PLC0415 - only here

    block = section("Faults").split("A schedule is a list of windows:\n\n")[1].split("\n\n")[0]
    assert len(parse_faults(YAML(typ="safe").load(block))) == 3


@pytest.mark.parametrize("text", re.findall(r"`((?:constant|uniform|normal|lognormal|exponential):[^`]+)`", PAGE))
def test_distributions_of_the_page_are_valid(text):
    parse_distribution(text)


def test_options_of_the_page_exist_and_those_of_both_commands_agree():
    group = typer.main.get_command(app).commands["sim"]
    served = {option for parameter in group.params for option in parameter.opts}
    loaded = {option for parameter in group.commands["load"].params for option in parameter.opts}
    module = {option for action in make_parser()._actions for option in action.option_strings if option != "-h"}
    assert {option for option in module - served if not option.endswith("-fd")} <= {"--help"}
    assert served - module <= {"--help"}
    for option in set(re.findall(r"`?(--[a-z][a-z-]+)", PAGE)):
        assert option in served | loaded, option


def served_paths():
    """(method, path) of the table; a method and a prefix hold until the next is named."""
    for row in section("What it serves").splitlines():
        method, prefix = "POST", ""
        for name in re.findall(r"`([^`]+)`", row) if row.startswith("| ") else ():
            verb, _, path = name.rpartition(" ")
            method = verb or method
            if path.startswith(":"):
                path = prefix + path
            elif ":" in path:
                prefix = path.partition(":")[0]
            if "…" not in path and path not in ("/anthropic", "/v1"):
                yield method, path.replace("{model}", "gpt-4o")


@pytest.mark.parametrize(("method", "path"), list(served_paths()))
def test_every_path_of_the_page_is_served(method, path):
    assert find_route(method, path, caller=None) is not None


def test_the_table_of_paths_was_read():
    assert len(list(served_paths())) == 33


def test_every_count_is_named():
    assert all(f"`{name}`" in section("Control") for name in COUNTS)
