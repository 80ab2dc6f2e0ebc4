"""What the README shows, run as it stands against a running Penstock."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
GATEWAY = "http://127.0.0.1:4100"


def blocks(language: str) -> list[str]:
    return [block for block in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL) if "(..., " not in block]


@pytest.fixture
def here(penstock_server, monkeypatch):
    """Makes an example one for this server: its address, and its key in the environment."""
    monkeypatch.setenv("PENSTOCK_KEY", penstock_server.admin_key)
    return lambda text: text.replace(GATEWAY, penstock_server.gateway_url)


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_the_python_examples_print_an_answer(here, number):
    code = here(blocks("python")[number])
    assert GATEWAY not in code
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(ran.stdout) > 1


def test_the_curl_example_prints_an_answer(here):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (command,) = blocks("sh")
    ran = subprocess.run(["sh", "-c", here(command)], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout)["choices"][0]["message"]["content"]


def test_both_official_sdks_are_shown():
    shown = "".join(blocks("python"))
    assert "from openai import OpenAI" in shown
    assert "from anthropic import Anthropic" in shown
