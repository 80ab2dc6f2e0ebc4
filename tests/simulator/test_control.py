import asyncio
import hashlib
import json

import pytest

from penstock.core.clock import ManualClock
from penstock.simulator import Fault, SimulatorConfig
from penstock.simulator.routes import find_route

CHAT = "/v1/chat/completions"


async def test_requests_are_remembered_with_their_secrets_hashed(sim):
    await sim.post(f"{CHAT}?key=secret-one", {"model": "m", "messages": []}, authorization="Bearer secret-two")
    await sim.post("/v1/messages", b"no json", x_api_key="secret-three")
    _, seen = await sim.get("/sim/requests")
    first, second = seen["items"]
    assert "secret" not in json.dumps(seen)
    digest = hashlib.sha256(b"secret-two").hexdigest()[:12]
    assert first["headers"]["authorization"] == f"sha256:{digest}"
    assert first["query"].startswith("key=sha256:")
    assert (first["method"], first["path"], first["status"], first["outcome"]) == ("POST", CHAT, 400, "finished")
    assert first["body"] == {"model": "m", "messages": []}
    assert second["body"] == "no json"
    assert second["body_bytes"] == 7
    _, last = await sim.get("/sim/requests?last=1")
    assert last["items"] == [second]


async def test_only_the_last_requests_and_the_heads_of_their_bodies_are_kept(serve):
    """FAILURES G9"""
    sim = await serve(SimulatorConfig(history=3))
    for number in range(5):
        await sim.chat(f"{number}" + "x" * 100_000)
    _, seen = await sim.get("/sim/requests")
    assert len(seen["items"]) == 3
    assert all(len(item["body"]) == 65536 and item["body_bytes"] > 100_000 for item in seen["items"])


async def test_stats_count_by_path_what_became_of_requests(sim):
    await sim.chat()
    await sim.chat(fault="status=429")
    await sim.post("/v1beta/models/gemini-2.5-flash:generateContent", {"contents": [{"parts": [{"text": "x"}]}]})
    await sim.post("/nowhere", {})
    _, stats = await sim.get("/sim/stats")
    chat = stats["paths"][CHAT]
    assert (chat["started"], chat["finished"], chat["statuses"]) == (2, 2, {"200": 1, "429": 1})
    assert stats["paths"]["/v1beta/models/{model}:generateContent"]["finished"] == 1
    assert stats["paths"]["(unknown)"]["statuses"] == {"404": 1}
    assert stats["total"]["started"] == 4


async def test_faults_can_be_changed_while_it_runs(sim):
    status, answer = await _post(sim, "/sim/faults", {"faults": ["status=500;times=1", {"delay": 0.001}]})
    assert status == 200
    assert answer == {"faults": [{"times": 1, "status": 500}, {"delay": 0.001}]}
    assert (await sim.get("/sim/faults"))[1] == answer
    assert "error" in json.loads(await sim.chat())
    assert "choices" in json.loads(await sim.chat())
    await _post(sim, "/sim/faults", [])
    assert (await sim.get("/sim/faults"))[1] == {"faults": []}


async def _post(sim, path, body):
    status, _, data = await sim.post(path, body)
    return status, json.loads(data)


async def test_a_schedule_runs_on_the_clock_from_the_last_order(serve):
    clock = ManualClock()
    sim = await serve(SimulatorConfig(faults=(Fault(status=500, since=10, until=20),)), clock=clock)

    async def fails():
        return "error" in json.loads(await sim.chat())

    assert not await fails()
    clock.advance(10)
    assert await fails()
    clock.advance(10)
    assert not await fails()
    await _post(sim, "/sim/reset", {})
    clock.advance(10)
    assert await fails()


async def test_a_reset_forgets_and_returns_to_the_configured_faults(serve):
    sim = await serve(SimulatorConfig(faults=(Fault(status=500),)))
    await sim.chat()
    await _post(sim, "/sim/faults", [])
    await _post(sim, "/sim/reset", {})
    assert (await sim.get("/sim/requests"))[1] == {"items": []}
    assert (await sim.get("/sim/stats"))[1]["total"]["started"] == 0
    assert (await sim.get("/sim/faults"))[1] == {"faults": [{"status": 500}]}


async def test_a_request_from_before_a_reset_is_not_counted_after_it(sim):
    call = asyncio.create_task(sim.chat(fault="silent"))
    await sim.get("/sim/wait?active=1")
    await _post(sim, "/sim/reset", {})
    call.cancel()
    await sim.chat()
    _, stats = await sim.get("/sim/wait?finished=1")
    assert stats["total"] == {
        "started": 1,
        "active": 0,
        "finished": 1,
        "cancelled": 0,
        "broken": 0,
        "statuses": {"200": 1},
    }


async def test_waiting_ends_when_the_count_is_reached(sim):
    waiting = asyncio.create_task(sim.get(f"/sim/wait?finished=2&path={CHAT}"))
    await sim.chat()
    await sim.chat()
    status, stats = await waiting
    assert status == 200
    assert stats["paths"][CHAT]["finished"] == 2


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/sim/wait?finished=1&timeout=1ms", 400, "Waited"),
        ("GET", "/sim/wait", 400, "expects one of"),
        ("GET", "/sim/wait?finished=soon", 400, "whole number"),
        ("GET", "/sim/requests?last=x", 400, "whole number"),
        ("GET", "/sim/nothing", 404, "has no"),
        ("POST", "/sim/faults", 400, "JSON"),
        ("DELETE", "/sim/reset", 404, "has no"),
    ],
)
async def test_a_wrong_order_is_answered_with_what_is_wrong(sim, method, path, status, words):
    async with sim.session.request(method, sim.url + path, data=b"{" if method == "POST" else None) as response:
        assert response.status == status
        assert words in (await response.json())["error"]


async def test_health_lists_the_models(sim):
    for path in ("/", "/sim/health"):
        _, answer = await sim.get(path)
        assert "gpt-4o-mini" in answer["models"]["openai"]


@pytest.mark.parametrize(
    ("path", "headers", "missing"),
    [
        ("/nowhere", {}, lambda answer: answer["error"]["code"] == "model_not_found"),
        ("/anthropic/v1/nowhere", {}, lambda answer: answer["error"]["type"] == "not_found_error"),
        ("/v1/nowhere", {"anthropic_version": "2023-06-01"}, lambda answer: answer["type"] == "error"),
        ("/v1beta/nowhere", {}, lambda answer: answer["error"]["status"] == "NOT_FOUND"),
        ("/v1beta/models/m:nothing", {}, lambda answer: answer["error"]["status"] == "NOT_FOUND"),
    ],
)
async def test_an_unknown_path_is_404_in_the_callers_dialect(sim, path, headers, missing):
    status, _, data = await sim.post(path, {}, **headers)
    assert status == 404
    assert missing(json.loads(data))


async def test_an_unknown_method_is_404(sim):
    async with sim.session.put(sim.url + CHAT) as response:
        assert response.status == 404


@pytest.mark.parametrize(
    ("path", "header", "value"),
    [
        (CHAT, "authorization", "Bearer right"),
        ("/v1/messages", "x_api_key", "right"),
        ("/openai/deployments/gpt-4o/chat/completions", "api_key", "right"),
        (f"{CHAT}?key=right", "x_other", "x"),
    ],
)
async def test_with_keys_configured_only_they_are_let_in(serve, path, header, value):
    sim = await serve(SimulatorConfig(api_keys=("right",)))
    body = {"model": "gpt-4o", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
    assert (await sim.post(path, body, **{header: value}))[0] == 200
    wrong = path.replace("right", "wrong")
    assert (await sim.post(wrong, body, **{header: value.replace("right", "wrong")}))[0] == 401
    assert (await sim.get("/sim/stats"))[0] == 200


async def test_models_that_are_not_listed_can_be_refused(serve):
    sim = await serve(SimulatorConfig(only_listed_models=True))
    assert "choices" in json.loads(await sim.chat())
    assert json.loads(await sim.chat(model="gpt-0"))["error"]["code"] == "model_not_found"


@pytest.mark.parametrize("size", [1000, 300_000])
async def test_a_body_over_the_limit_is_413(serve, size):
    sim = await serve(SimulatorConfig(max_body=500))
    assert "at most 500" in json.loads(await sim.chat("x" * size))["error"]["message"]


async def test_a_large_body_in_many_pieces_is_read_whole(sim):
    """FAILURES G25"""
    answer = json.loads(await sim.chat("word " * 400_000))
    assert answer["usage"]["prompt_tokens"] > 400_000


async def test_an_answer_to_one_that_asks_to_continue_first(sim):
    async with sim.session.post(
        sim.url + CHAT, json={"model": "m", "messages": [{"role": "user", "content": "x"}]}, expect100=True
    ) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("method", "path", "caller", "label"),
    [
        ("GET", "/v1/models", None, "/v1/models"),
        ("GET", "/openai/v1/models", None, "/v1/models"),
        ("POST", "/openai/v1/chat/completions", None, CHAT),
        ("POST", "/anthropic/v1/messages", None, "/v1/messages"),
        ("GET", "/v1beta/models/gemini-2.5-pro", None, "/v1beta/models/{model}"),
        ("GET", "/v1/models/claude-haiku-4-5", "anthropic", "/v1/models/{model}"),
        ("POST", "/v1/models/m:generateContent", None, "/v1beta/models/{model}:generateContent"),
        ("GET", "/v1/chat/completions", None, None),
        ("POST", "/v1/models", None, None),
        ("DELETE", "/v1/models/m", None, None),
        ("POST", "/openai/deployments/m/completions", None, None),
    ],
)
def test_a_path_leads_to_its_route(method, path, caller, label):
    route = find_route(method, path, caller=caller)
    assert (route.label if route else None) == label
