"""An application with the SDK, the gateway, its own spans, a score and an end user's thumb: one trace."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from penstock.testing.server import PenstockServer

CONFIG = """\
version: 1
feedback:
  tokens: true
  origins: ["https://app.example"]
"""

APPLICATION = """
import asyncio, json, os
import openai
import penstock

penstock.init(service_name="shop", environment="test", instrument=["openinference-instrumentation-openai"],
              gateway=os.environ["GATEWAY"], mask=[penstock.masking.EMAILS])
client = openai.OpenAI(base_url=os.environ["GATEWAY"] + "/v1", api_key=os.environ["PENSTOCK_API_KEY"])

@penstock.trace(kind="retriever")
def look_up(question):
    return ["A penstock is a gated pipe.", "Ask jo@example.com."]

@penstock.trace(kind="agent", name="answer")
async def answer(question):
    documents = look_up(question)
    raw = client.chat.completions.with_raw_response.create(
        model="sim/gpt-4o-mini", messages=[{"role": "user", "content": question + " " + documents[0]}])
    penstock.score("grounded", 0.9, source="judge", comment="says jo@example.com")
    return penstock.current_trace_id(), raw.headers["x-penstock-feedback-token"], raw.headers["x-penstock-trace-id"]

with penstock.context(session="chat-42", user="u-7", tags={"team": "search"}):
    print(json.dumps(asyncio.run(answer("What is a penstock?"))))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("application")
    config = folder / "penstock.yaml"
    config.write_text(CONFIG)
    with PenstockServer(folder, config=config) as server:
        yield server


@pytest.fixture(scope="module")
def control(server):
    headers = {"authorization": f"Bearer {server.admin_key}"}
    with httpx.Client(base_url=server.console_url, headers=headers, timeout=10) as client:
        yield client


def wait_for(ask, complete):
    """Poll the console: what was told is there within a second or two."""
    deadline = time.monotonic() + 20
    while True:
        found = ask()
        if complete(found) or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def test_what_an_application_does_and_what_is_thought_of_it_is_one_trace(server, control):
    ran = subprocess.run(
        [sys.executable, "-c", APPLICATION],
        env={
            **os.environ,
            "PENSTOCK_CONSOLE_URL": server.console_url,
            "PENSTOCK_API_KEY": server.admin_key,
            "GATEWAY": server.gateway_url,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    trace_id, token, of_the_call = json.loads(ran.stdout)
    assert of_the_call == trace_id

    thumb = httpx.post(
        f"{server.console_url}/api/v1/feedback",
        content=json.dumps({"token": token, "name": "thumb", "value": True, "comment": "Danke"}),
        headers={"origin": "https://app.example", "content-type": "text/plain;charset=UTF-8"},
    )
    assert thumb.status_code == 204, thumb.text
    assert thumb.headers["access-control-allow-origin"] == "https://app.example"

    trace = wait_for(
        lambda: control.get(f"/api/v1/traces/{trace_id}").json(), lambda found: len(found.get("spans", [])) >= 4
    )
    spans = {(span["source"], span["kind"]): span for span in trace["spans"]}
    assert set(spans) == {("otlp", "agent"), ("otlp", "retriever"), ("otlp", "llm"), ("gateway", "llm")}
    agent, retriever = spans["otlp", "agent"], spans["otlp", "retriever"]
    told, served = spans["otlp", "llm"], spans["gateway", "llm"]
    assert (agent["name"], agent["service"], agent["parent_id"]) == ("answer", "shop", None)
    assert retriever["parent_id"] == told["parent_id"] == agent["span_id"]
    assert served["parent_id"] == told["span_id"]
    assert (told["covered"], served["covered"]) == (True, False)
    assert {span["session"] for span in trace["spans"]} == {"chat-42"}
    assert len({span["user"] for span in trace["spans"]}) == 1
    assert agent["user"] != "u-7"
    assert {json.dumps(span["tags"]) for span in trace["spans"]} >= {'{"team": "search"}'}
    assert "jo@example.com" not in json.dumps(trace)

    scores = wait_for(
        lambda: control.get("/api/v1/scores", params={"trace_id": trace_id}).json()["items"],
        lambda found: len(found) == 2,
    )
    by_name = {score["name"]: score for score in scores}
    assert (by_name["thumb"]["source"], by_name["thumb"]["number"], by_name["thumb"]["comment"]) == ("user", 1, "Danke")
    assert by_name["grounded"]["span_id"] == agent["span_id"]
    assert by_name["grounded"]["comment"] == "says [email]"


def test_a_browser_may_ask_first_only_where_feedback_goes(server):
    page = {"origin": "https://app.example", "access-control-request-method": "POST"}
    asked = httpx.options(f"{server.console_url}/api/v1/feedback", headers=page)
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, "https://app.example")
    other = httpx.options(f"{server.console_url}/api/v1/feedback", headers={**page, "origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers
    assert httpx.options(f"{server.console_url}/api/v1/scores", headers=page).status_code == 405
    forged = httpx.post(
        f"{server.console_url}/api/v1/feedback",
        json={"token": "A" * 70, "value": 1},
        headers={"origin": page["origin"]},
    )
    assert (forged.status_code, forged.json()["code"]) == (403, "feedback_token_invalid")
    assert forged.headers["access-control-allow-origin"] == page["origin"]
    assert httpx.post(f"{server.console_url}/api/v1/scores", json={}, headers=page).status_code == 403


def test_scores_are_added_and_listed_on_the_command_line(server, control):
    def penstock(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "penstock.cli", "scores", *arguments, "--home", str(server.home)],
            capture_output=True, text=True, check=True, timeout=30,
        ).stdout  # fmt: skip

    score_id = penstock("add", "helpful", "4.5", "--session", "shell-1", "--comment", "by hand").strip()
    wait_for(lambda: control.get("/api/v1/scores", params={"session": "shell-1"}).json()["items"], len)
    assert "by hand" in penstock("list", "--session", "shell-1")
    assert control.delete(f"/api/v1/scores/{score_id}").status_code == 204
    assert json.loads(penstock("list", "--session", "shell-1", "--json"))["items"] == []
