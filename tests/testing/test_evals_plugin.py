"""`@pytest.mark.penstock_eval` in a project of a user's, run as they would."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TEST = """
import pytest

@pytest.mark.penstock_eval(dataset="rows.jsonl", repeats=2, evaluators=[{{"type": "exact"}}], {options})
def test_answers(eval_row):
    answer = eval_row.answer("no" if eval_row.position % 10 == 0 else eval_row.input)
    assert answer == eval_row.reference

def test_beside():
    pass
"""


def run(folder: Path, options: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    lines = [json.dumps({"input": f"q{number}", "reference": f"q{number}"}) for number in range(40)]
    (folder / "rows.jsonl").write_text("\n".join(lines))
    (folder / "test_it.py").write_text(TEST.format(options=options))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("threshold", "verdict", "code"), [(0.5, "PASS", 0), (0.99, "FAIL", 1), (0.93, "INCONCLUSIVE", 1)]
)
def test_the_threshold_decides_about_all_rows_together(tmp_path: Path, threshold: float, verdict: str, code: int):
    """FAILURES E5"""
    ran = run(tmp_path, f"threshold={threshold}")
    assert ran.returncode == code, ran.stdout
    assert f"{verdict} test_it.py::test_answers: 80 answers" in ran.stdout
    assert "81 passed" in ran.stdout


def test_workers_of_xdist_are_summed_up_in_one_place(tmp_path: Path):
    ran = run(tmp_path, 'rules=["exact >= 50%"], threshold=0.5', "-n", "2")
    assert ran.returncode == 0, ran.stdout
    assert ran.stdout.count("PASS exact >= 50%") == 1
    assert "80 answers" in ran.stdout


def test_a_marker_that_says_too_little_is_refused(tmp_path: Path):
    ran = run(tmp_path, "treshold=0.5")
    assert ran.returncode != 0
    assert "threshold" in ran.stdout + ran.stderr


def test_sessions_without_a_marked_test_load_nothing_of_it(tmp_path: Path):
    looked = "not [name for name in sys.modules if name.startswith('penstock.evals')]"
    (tmp_path / "test_plain.py").write_text(f"import sys\ndef test_plain():\n    assert {looked}\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
