"""The fixtures that users of the platform are given."""

import http.client
import json
from urllib.parse import urlsplit

import openai
import pytest

from penstock.core.errors import Unavailable
from penstock.testing.server import PenstockServer


def chat(url: str, text: str = "Hello", **headers: str) -> str:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client:
        answer = client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": text}], extra_headers=headers
        )
    return answer.choices[0].message.content or ""


def test_the_simulator_answers_and_tells_what_it_was_asked(penstock_simulator):
    assert chat(penstock_simulator.url)
    (seen,) = penstock_simulator.requests()
    assert seen["path"] == "/v1/chat/completions"
    assert "any" not in json.dumps(seen["headers"])
    assert penstock_simulator.stats()["total"]["finished"] == 1


def test_every_test_finds_the_simulator_reset(penstock_simulator):
    assert penstock_simulator.requests() == []


def test_the_simulator_misbehaves_when_it_is_told_to(penstock_simulator):
    penstock_simulator.set_faults({"status": 429, "retry_after": 2})
    with pytest.raises(openai.RateLimitError):
        chat(penstock_simulator.url)
    penstock_simulator.set_faults()
    assert chat(penstock_simulator.url)


def test_a_fault_that_is_none_is_refused(penstock_simulator):
    with pytest.raises(Unavailable, match="answered 4"):
        penstock_simulator.set_faults({"no such": "fault"})


def test_a_test_can_wait_for_what_the_simulator_sees(penstock_simulator):
    chat(penstock_simulator.url)
    counts = penstock_simulator.wait(path="/v1/chat/completions", finished=1)
    assert counts["total"]["started"] == 1
    with pytest.raises(Unavailable, match="did not come"):
        penstock_simulator.wait(cancelled=1, seconds=0.05)


def test_the_server_answers_on_both_planes(penstock_server):
    for url in (penstock_server.gateway_url, penstock_server.console_url):
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        connection.close()
    assert penstock_server.admin_key.startswith("psk_")


def test_a_servers_home_and_provider_are_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real")
    monkeypatch.setenv("PENSTOCK_HOME", "/nowhere")
    given = PenstockServer(tmp_path, config=tmp_path / "penstock.yaml", environment={"MY_API_KEY": "x"})
    assert "OPENAI_API_KEY" not in given._environment
    assert "PENSTOCK_HOME" not in given._environment
    assert given._environment["MY_API_KEY"] == "x"
    assert given._command[-4:-2] == ["--config", str(tmp_path / "penstock.yaml")]
