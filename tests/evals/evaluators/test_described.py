"""What the catalogue tells of evaluators."""

import subprocess
import sys

import msgspec
import pytest
from jsonschema_rs import validator_for

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.catalog import TYPES, check
from penstock.evals.evaluators.definition import Definition, type_of
from penstock.evals.evaluators.described import described
from penstock.evals.experiments.references import is_judge


def test_every_type_is_described_once_under_its_own_name():
    assert sorted(one.type for one in described()) == sorted(TYPES)
    for kind, cls in TYPES.items():
        assert cls.__struct_config__.tag == kind
        assert issubclass(cls, Definition)
    assert len(TYPES) == len(list(TYPES))
    assert "no such type" not in TYPES


@pytest.mark.parametrize("one", described(), ids=lambda one: one.type)
def test_defaults_fit_the_schema_of_their_parameter_and_required_ones_come_first(one):
    required = [parameter.required for parameter in one.parameters]
    assert required == sorted(required, reverse=True)
    for parameter in one.parameters:
        assert "$ref" not in msgspec.json.encode(parameter.schema).decode()
        if not parameter.required:
            validator_for(parameter.schema).validate(msgspec.to_builtins(parameter.default))
    assert one.description
    assert one.judge == one.paid or one.type == "embedding"
    assert one.low is None or (one.high is not None and one.low < one.high)


def test_parameters_say_what_their_source_says():
    numeric = next(one for one in described() if one.type == "numeric")
    assert next(one for one in numeric.parameters if one.name == "tolerance").description == (
        "Absolute, in the number's own unit."
    )


def test_a_judge_is_told_by_its_definition():
    rubric = {"type": "rubric", "model": "m", "criteria": []}
    assert is_judge(rubric)
    assert is_judge({"type": "panel", "judges": [rubric, rubric]})
    assert not is_judge({"type": "embedding", "model": "m"})
    names = TYPES["rubric"](  # pyright: ignore[reportCallIssue] - a class of those by name
        model="m", criteria=[msgspec.convert({"name": n, "description": "x"}, _criterion()) for n in "ab"]
    ).judgements
    assert names == ["rubric.a", "rubric.b"]
    assert type_of(TYPES["exact"]()) == "exact"


def _criterion():
    from penstock.evals.judges.rubric import Criterion  # noqa: PLC0415 - named where it is used

    return Criterion


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "regex", "pattern": "("}, "evaluators[0].pattern"),
        ({"type": "length", "least": 3, "most": 1}, "evaluators[0].least"),
        ({"type": "numeric", "tolerance": "much"}, "evaluators[0].tolerance"),
    ],
)
def test_parameters_that_make_no_evaluator_are_refused_where_they_stand(body, field):
    with pytest.raises(InvalidInput) as refused:
        check(body, field="evaluators[0]")
    assert refused.value.field == field


def test_a_console_starts_without_any_evaluator():
    loaded = "sorted(n for n in sys.modules if n.startswith(('penstock.evals.evaluators.', 'penstock.evals.judges.')))"
    code = f"import sys, penstock.server.console_app; print({loaded}, 'penstock.evals.gates.decide' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "numeric" not in done.stdout
    assert "rubric" not in done.stdout
    assert done.stdout.strip().endswith("False")
