"""ARCHITECTURE.md says what is so."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "penstock"
PAGE = (ROOT / "ARCHITECTURE.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def section(name: str) -> list[str]:
    found = re.search(rf"<!-- {name}:start -->\n(.*?)<!-- {name}:end -->", PAGE, re.DOTALL)
    assert found is not None
    return [line.strip() for line in found[1].splitlines() if line.strip()]


def diagram() -> list[set[str]]:
    return [{name.strip() for name in re.split(r"\s{2,}", line)[0].split("|")} for line in section("layers")]


def layers_contract() -> dict:
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    return next(contract for contract in contracts if contract["type"] == "layers")


def packages() -> set[str]:
    return {path.parent.name for path in SOURCE.glob("*/__init__.py")}


def test_the_diagram_is_the_contract_that_import_linter_holds():
    contract = [{name.strip() for name in row.split("|")} for row in layers_contract()["layers"]]
    assert diagram() == contract
    assert layers_contract()["exhaustive"] is True


def test_every_package_has_its_row_and_every_row_its_packages():
    assert set().union(*diagram()) == packages()


def boundaries() -> set[str]:
    return {line.split("`")[1] for line in section("boundaries") if "`" in line}


def catches_everything(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id == "Exception") for kind in kinds)


def test_exceptions_of_any_kind_are_caught_only_at_the_boundaries_that_are_listed():
    found = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler) and catches_everything(node):
                found.add(str(path.relative_to(SOURCE)))
    assert found == boundaries()


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([a-z_/]+\.py)`", PAGE)) - {"types.py", "ports.py"}))
def test_files_that_the_page_names_exist(path):
    slices = {"service.py", "store.py", "routes.py", "jobs.py"}
    assert (SOURCE / path).is_file() or path in slices


def test_a_file_stays_below_its_limit():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in SOURCE.rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 500
    }
    assert long == {}


def test_no_module_has_a_name_that_says_nothing():
    bad = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}
    assert [path for path in SOURCE.rglob("*.py") if path.stem in bad or path.parent.name in bad] == []


def test_every_dependency_says_why_it_is_there():
    lines = (ROOT / "pyproject.toml").read_text().split("[dependency-groups]")[0].splitlines()
    inside = False
    for line in lines:
        if re.match(r"(dependencies|[a-z]+) = \[$", line):
            inside = not line.startswith(("classifiers", "requires", "keywords"))
        elif line.startswith("]"):
            inside = False
        elif inside and line.strip().startswith('"'):
            assert re.search(r'",\s+# \w', line), line
