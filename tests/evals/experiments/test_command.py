"""`penstock eval` against the simulator, without a console."""

import contextlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from scipy.stats import binomtest

from penstock.cli.main import run
from penstock.testing.simulator import SimulatorServer

HEAD = "name: x\ndataset: r.jsonl\n"
ONE = f"{HEAD}variants: [{{name: a, model: m}}]\n"
DATA = Path(__file__).parents[3] / ".." / "shared" / "data" / "gsm8k-answers.jsonl"
EXPERIMENT = """
name: gsm8k
dataset: {data}
columns: {{input: question, reference: gold}}
limit: {limit}
variants:
  - {{name: mixtral, model: mixtral}}
  - {{name: gpt-4, model: gpt-4o}}
baseline: {baseline}
evaluators:
  - {{type: numeric, name: accuracy, form: written}}
gate: ["accuracy >= baseline - 1pt"]
"""


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory):
    if not DATA.exists():
        pytest.skip("the shared data is not there")
    answers = "gpt-4o*=answers.gpt-4-1106-preview,mixtral*=answers.mixtral-8x7b-instruct"
    options = ["--replay", str(DATA), "--replay-answers", answers]
    with SimulatorServer(tmp_path_factory.mktemp("gsm8k"), options=options) as server:
        yield server


@pytest.fixture
def penstock(monkeypatch, capsys, tmp_path, empty_evals, simulator):
    for name in ("PENSTOCK_HOME", "PENSTOCK_CONSOLE_URL", "PENSTOCK_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".penstock").mkdir()
    shutil.copyfile(empty_evals, tmp_path / ".penstock" / "evals.db")
    monkeypatch.setenv("PENSTOCK_GATEWAY_URL", simulator.url)

    def command(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["penstock", "eval", *arguments])
        with pytest.raises(SystemExit) as ended:
            run()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out + captured.err

    return command


def written(folder: Path, *, limit: int, baseline: str) -> str:
    path = folder / f"{baseline}-{limit}.yaml"
    path.write_text(EXPERIMENT.format(data=DATA.resolve(), limit=limit, baseline=baseline))
    return str(path)


def summary_of(out: str) -> dict:
    return json.loads(out[out.index("{") : out.rindex("}") + 1])["summary"]


@pytest.mark.slow
def test_gsm8k_is_decided_by_a_thousand_rows_and_not_by_twenty(penstock, tmp_path, simulator):
    """FAILURES E5"""
    with DATA.open() as file:
        flags = [json.loads(line)["correct"] for line, _ in zip(file, range(1000), strict=False)]
    models = {"mixtral": "mixtral-8x7b-instruct", "gpt-4": "gpt-4-1106-preview"}
    code, _ = penstock("run", written(tmp_path, limit=20, baseline="gpt-4"), "--local", "--gate")
    assert code == 2
    code, out = penstock(
        "run", written(tmp_path, limit=1000, baseline="gpt-4"), "--local", "--gate", "--json", "--quiet"
    )
    assert code == 1
    found = summary_of(out)
    for variant in found["variants"]:
        (metric,) = [one for one in variant["metrics"] if one["metric"] == "accuracy"]
        share = sum(flag[models[variant["variant"]]] for flag in flags) / len(flags)
        assert metric["n"] == 1000
        assert metric["figure"]["low"] <= share <= metric["figure"]["high"]
    (compared,) = [one for one in found["comparisons"] if one["metric"] == "accuracy"]
    exact = binomtest(compared["wins"], compared["wins"] + compared["losses"]).pvalue
    assert compared["p"] == pytest.approx(exact, rel=1e-6)
    asked = simulator.stats()["total"]["started"]
    # The other way round nothing is asked again, and the answer is yes.
    code, _ = penstock("run", written(tmp_path, limit=1000, baseline="mixtral"), "--local", "--gate", "--quiet")
    assert code == 0
    assert simulator.stats()["total"]["started"] == asked == 2000


def test_reports_are_written_and_experiments_found_again(penstock, tmp_path):
    file = written(tmp_path, limit=12, baseline="gpt-4")
    code, out = penstock(
        "run", file, "--local", "--junit", "j.xml", "--markdown", "r.md", "--html", "r.html", "--pdf", "r.pdf"
    )
    assert code == 0, out
    assert (tmp_path / "j.xml").read_text().count("<testcase") == 1
    assert "INCONCLUSIVE" in (tmp_path / "r.md").read_text()
    assert "<script" not in (tmp_path / "r.html").read_text()
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF-")
    code, out = penstock("list", "--local", "--json")
    (item,) = json.loads(out)["items"]
    assert (code, item["state"], item["counts"]["done"]) == (0, "done", 24)
    for arguments in (["show"], ["compare", "--limit", "4"], ["report", "--format", "csv"], ["report"]):
        code, out = penstock(arguments[0], item["id"], *arguments[1:], "--local")
        assert code == 0
        assert "mixtral" in out
    code, out = penstock("report", item["id"], "--format", "pdf", "--local")
    assert (code, "--output" in out) == (2, True)
    assert penstock("report", item["id"], "--format", "pdf", "--local", "-o", "again.pdf")[0] == 0
    assert (tmp_path / "again.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{HEAD}variants:\n  - {{name: a, modle: m}}\n", ":4: variants[0].modle"),
        (f"{HEAD}variants:\n  - {{name: a, model: m}}\nrepetitions: 0\n", ":5: repetitions"),
        (f"{ONE}evaluators:\n  - {{type: numerik}}\n", ":5: evaluators[0].type"),
        (f"{ONE}gate:\n  - accuracy >\n", ":5: gate[0]"),
        ("name: x\nvariants: [\n", "not valid YAML"),
    ],
)  # fmt: skip
def test_an_error_in_the_file_names_line_and_field(penstock, tmp_path, text, said):
    (tmp_path / "e.yaml").write_text(text)
    code, out = penstock("run", "e.yaml", "--local")
    assert code == 2
    assert said in out


def test_functions_of_the_users_are_variants_and_evaluators(penstock, tmp_path):
    (tmp_path / "mine.py").write_text(
        "def answer(input): return input.upper()\n"
        "async def broken(input): raise ValueError('no')\n"
        "def shouts(output): return output.isupper()\n"
    )
    (tmp_path / "rows.jsonl").write_text('{"input": "a"}\n{"input": "b"}\n')
    (tmp_path / "e.yaml").write_text(
        "name: x\ndataset: rows.jsonl\nvariants:\n  - {name: a, python: 'mine:answer'}\n"
        "  - {name: b, python: 'mine:broken'}\nevaluators: [{python: 'mine:shouts'}]\n"
    )
    code, out = penstock("run", "e.yaml", "--local", "--json", "--quiet")
    assert code == 0, out
    good, bad = summary_of(out)["variants"]
    assert good["metrics"][0]["figure"]["value"] == 1.0
    assert bad["errors"] == 2
    sys.modules.pop("mine", None)
    with contextlib.suppress(ValueError):
        sys.path.remove(str(tmp_path))


@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_files_for_ci_are_written_once(penstock, tmp_path, system):
    assert penstock("init-ci", system)[0] == 0
    assert penstock("init-ci", system)[0] == 1
    assert penstock("init-ci", system, "--force", "--file", "x.yaml")[0] == 0
    (path,) = list(tmp_path.rglob("eval.yml"))
    from ruamel.yaml import YAML  # noqa: PLC0415 - only here

    assert YAML(typ="safe").load(path.read_text())
    assert "penstock eval run x.yaml --gate" in path.read_text()


def test_only_the_named_gateway_is_called(penstock, tmp_path, monkeypatch):
    """FAILURES E4"""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    code, out = penstock("run", written(tmp_path, limit=3, baseline="gpt-4"), "--local", "--quiet")
    assert code == 0, out


def test_help_names_every_command():
    out = subprocess.run(
        [sys.executable, "-m", "penstock.cli", "eval", "--help"], capture_output=True, text=True, check=True
    )
    for name in ("run", "resume", "list", "show", "compare", "cancel", "report", "init-ci"):
        assert name in out.stdout


def test_a_judge_is_asked_once_for_each_answer_and_not_again(penstock, tmp_path, simulator):
    """FAILURES E2"""
    (tmp_path / "rows.jsonl").write_text('{"input": "a"}\n{"input": "b"}\n')
    (tmp_path / "e.yaml").write_text(
        "name: x\ndataset: rows.jsonl\nvariants: [{name: a, model: judged-model}]\n"
        "evaluators: [{type: rubric, name: good, model: gpt-4o, criteria: [{name: good, description: Is it good?}]}]\n"
    )
    before = simulator.stats()["total"]["started"]
    for _ in range(2):
        code, out = penstock("run", "e.yaml", "--local", "--json", "--quiet")
        assert code == 0, out
    assert simulator.stats()["total"]["started"] - before == 4


def test_a_judge_shows_and_gates_only_once_it_is_calibrated_and_embeddings_are_asked_of_the_gateway(penstock, tmp_path):
    """FAILURES E6"""
    judge = "{type: rubric, name: good, model: judge, criteria: [{name: good, description: x, scale: boolean}]}"
    near = "{type: embedding, name: near, model: text-embedding-3-small}"
    (tmp_path / "r.jsonl").write_text("".join(f'{{"input": "q{n}", "reference": "q{n}"}}\n' for n in range(6)))
    file = tmp_path / "e.yaml"
    file.write_text(f"{ONE}evaluators: [{judge}, {near}]\ngate: [good >= 10%, near >= -1]\n")
    code, out = penstock("run", str(file), "--local", "--gate", "--json", "--quiet")
    assert code == 2, out
    found = summary_of(out)
    metrics = {one["metric"]: one for one in found["variants"][0]["metrics"]}
    assert (metrics["near"]["n"], metrics["good"]["n"] + metrics["good"]["unscored"]) == (6, 6), metrics
    assert "has not been calibrated" in found["gates"]["a"]["rules"][0]["reason"]
    id_ = json.loads(penstock("list", "--local", "--json")[1])["items"][0]["id"]
    (tmp_path / "labels.jsonl").write_text('{"row": 0, "people": true}\n\n{"row": 1, "people": false}\n')
    asked = ("calibrate", "good", "--experiment", id_, "--labels", "labels.jsonl", "--local")
    code, out = penstock(*asked, "--output", "c.json")
    assert code == 1
    assert "it may show, not gate" in out
    assert "it takes 100" in out
    code, out = penstock(*asked, "--output", "c.json", "--json")
    assert (code, len(json.loads((tmp_path / "c.json").read_text()))) == (1, 1)
    file.write_text(file.read_text() + "calibration: c.json\n")
    code, out = penstock("run", str(file), "--local", "--gate")
    assert code == 2
    assert "is not calibrated: " in out
    (tmp_path / "labels.jsonl").write_text("{}\n")
    code, out = penstock(*asked)
    assert (code, "labels.jsonl:1" in out) == (2, True)


def test_evaluators_of_a_registry_need_a_console(penstock, tmp_path):
    (tmp_path / "r.jsonl").write_text('{"input": "x"}\n')
    (tmp_path / "e.yaml").write_text(f"{ONE}evaluators: [quality@production]\n")
    code, out = penstock("run", "e.yaml", "--local")
    assert code == 2
    assert "quality" in out
    assert "--url" in out
