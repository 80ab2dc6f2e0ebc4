"""An experiment over the API, run by a process outside."""

import pytest

WHERE = "/api/v1/experiments"


@pytest.fixture
async def ask(console):
    async def asked(method: str, path: str = "", body: object = None, *, status: int = 200):
        answer = await console.ask(method, f"{WHERE}{path}", key=console.made.secret, json=body)
        assert answer.status_code == status, answer.text
        return answer

    return asked


def cell(position: int, variant: str) -> dict:
    return {"position": position, "variant": variant, "repetition": 0, "key": f"{variant}{position}", "reference": "r"}


def result(position: int, variant: str) -> dict:
    finding = {"name": "exact", "value": variant == "a" or position == 0}
    return {
        "cell": cell(position, variant),
        "output": {"text": "=1+1", "cost": 5, "latency": 1000 * position},
        "findings": {"d" * 64: [finding]},
        "attempts": 1,
    }


async def test_a_process_outside_runs_an_experiment_and_everybody_reads_what_it_found(ask):
    variants = [{"name": "a", "model": "m"}, {"name": "b", "model": "n"}]
    spec = {"name": "x", "dataset": "x.jsonl", "variants": variants, "evaluators": [{"type": "exact"}]}
    made = (await ask("POST", "", {"spec": {**spec, "gate": ["exact >= baseline - 1pt"]}}, status=201)).json()
    place = f"/{made['id']}"
    rows = [{"input": f"q{n}", "reference": "x", "metadata": {"n": n % 2}} for n in range(12)]
    assert (await ask("POST", f"{place}/rows", {"rows": rows, "at": 0})).json() == {"rows": 12}
    assert len((await ask("GET", f"{place}/rows?limit=5")).json()["items"]) == 5
    await ask("POST", f"{place}/take", {"runner": "me", "evaluators": {"d" * 64: "exact"}})
    key = "a0"
    assert (await ask("POST", f"{place}/begin", {"runner": "me", "calls": [[key, False]]})).json()["items"][0]["fresh"]
    again = (await ask("POST", f"{place}/begin", {"runner": "me", "calls": [[key, False]]})).json()["items"][0]
    assert (again["fresh"], again["attempt"]) == (False, 1)
    results = [result(n, name) for n in range(12) for name in ("a", "b")]
    kept = [["judge", {"text": "yes"}]]
    await ask("POST", f"{place}/finish", {"runner": "me", "results": results, "outputs": kept})
    wanted = {"cells": [cell(0, "a"), cell(99, "a")], "evaluators": ["d" * 64], "keys": ["judge", "none"]}
    looked = (await ask("POST", f"{place}/look", wanted)).json()
    assert [one.get("done") for one in looked["cells"]] == [True, False]
    assert [one and one["text"] for one in looked["outputs"]] == ["yes", None]
    assert (await ask("POST", f"{place}/renew", {"runner": "me"})).json() == {"wanted": None}
    await ask("POST", f"{place}/pause")
    assert (await ask("POST", f"{place}/renew", {"runner": "me"})).json() == {"wanted": "pause"}
    await ask("POST", f"{place}/finish", {"runner": "somebody", "results": results}, status=409)
    await ask("POST", f"{place}/release", {"runner": "me", "state": "done"})
    assert (await ask("GET", place)).json()["counts"]["done"] == 24
    assert (await ask("GET", f"{place}/summary")).json()["gates"]["b"]["verdict"] == "FAIL"
    page = (await ask("GET", f"{place}/cells?variant=b&limit=5")).json()
    rest = (await ask("GET", f"{place}/cells?variant=b&failed=false&cursor={page['next_cursor']}")).json()
    assert (len(page["items"]), len(rest["items"]), rest["next_cursor"]) == (5, 7, None)
    fell = (await ask("GET", f"{place}/differences?metric=exact&limit=3")).json()
    assert (fell["counts"]["fell"], len(fell["items"])) == (11, 3)
    await ask("GET", f"{place}/differences?metric=nothing", status=400)
    assert len((await ask("GET", f"{place}/rows/3")).json()["cells"]) == 2
    await ask("GET", f"{place}/rows/40", status=404)
    lines = (await ask("GET", f"{place}/export?format=csv")).text.splitlines()
    # No spreadsheet takes an answer for a formula.
    assert (len(lines), "'=1+1" in lines[1]) == (25, True)
    assert len((await ask("GET", f"{place}/export")).text.splitlines()) == 24
    page = await ask("GET", f"{place}/report")
    assert "sandbox" in page.headers["content-security-policy"]
    assert (await ask("GET", f"{place}/report?format=markdown")).text.startswith("## x")
    printed = await ask("GET", f"{place}/report?format=pdf")
    assert (printed.headers["content-type"], printed.content[:5]) == ("application/pdf", b"%PDF-")
    await ask("POST", f"{place}/pause", status=409)
    assert (await ask("POST", f"{place}/start")).json()["state"] == "waiting"
    assert (await ask("POST", f"{place}/cancel")).json()["state"] == "cancelled"
    assert (await ask("GET", "?limit=1")).json()["items"][0]["id"] == made["id"]
