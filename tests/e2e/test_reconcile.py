"""Budgets equal the records to the nano-dollar, also after a worker was killed with calls in flight (FAILURES G5)."""

import json
import subprocess
import sys
import threading

import httpx
import pytest

from e2e_harness import Control, chat, children, eventually, scrubbed_environment
from penstock.testing.server import PenstockServer

CONFIG = """\
version: 1
providers:
  sim:
    kind: openai
    base_url: {url}/v1
    api_key: env:SIM_KEY
    price_as: openai
    models: [gpt-4o-mini]
limits:
  - name: company
    on: organisation
    budget: {{month: {{soft: "$50", hard: "$100"}}}}
  - name: each-key
    on: key
    budget: {{hour: "$90"}}
  - name: each-user
    on: user
    budget: {{day: "$90"}}
"""
SECRET = {"SIM_KEY": "provider-secret"}
CLIENTS = 4


@pytest.fixture
def server(tmp_path, penstock_simulator_process):
    config = tmp_path / "penstock.yaml"
    config.write_text(CONFIG.format(url=penstock_simulator_process.url))
    with PenstockServer(tmp_path, config=config, environment=SECRET) as server:
        yield server


class Client(threading.Thread):
    """Calls without pause until told to stop."""

    def __init__(self, server, *, number: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._number = number
        self._stop_calling = stop
        self.answered = 0

    def run(self) -> None:
        while not self._stop_calling.is_set():
            try:
                answer = chat(
                    self._server.gateway_url, self._server.admin_key, "sim/gpt-4o-mini", user=f"u{self._number}"
                )
            except httpx.HTTPError:
                continue
            self.answered += answer.status_code == 200


def doctor(server, *options: str) -> tuple[int, dict]:
    arguments = [sys.executable, "-m", "penstock.cli", "doctor", "--reconcile", "--json"]
    ran = subprocess.run(
        [*arguments, "--home", str(server.home), *options],
        capture_output=True,
        env=scrubbed_environment(**SECRET),
        timeout=60,
        check=False,
    )
    assert ran.stdout, ran.stderr
    return ran.returncode, json.loads(ran.stdout)


def worker_of(server) -> int:
    return eventually(lambda: [one.pid for one in children(server.pid, "gateway_worker")], seconds=10)[0]


def test_counters_equal_the_records_after_workers_were_killed_under_load(server):
    """FAILURES G5, G6."""
    stop = threading.Event()
    clients = [Client(server, number=number, stop=stop) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for kill in range(1, 3):
        assert eventually(lambda kill=kill: sum(one.answered for one in clients) >= 25 * kill, seconds=30)
        victim = worker_of(server)
        (process,) = [one for one in children(server.pid, "gateway_worker") if one.pid == victim]
        process.kill()
        assert eventually(lambda victim=victim: worker_of(server) != victim, seconds=20)
    before = sum(one.answered for one in clients)
    assert eventually(lambda: sum(one.answered for one in clients) >= before + 10, seconds=20)
    stop.set()
    for client in clients:
        client.join(timeout=20)

    code, found = doctor(server)
    assert (code, found["source"], found["equal"]) == (0, "worker", True), found
    by_limit: dict[str, list[dict]] = {}
    for item in found["items"]:
        by_limit.setdefault(item["limit"], []).append(item)
    assert len(by_limit["each-user"]) == CLIENTS
    (company,) = by_limit["company"]
    assert company["counted"] == company["recorded"] == sum(item["recorded"] for item in by_limit["each-user"]) > 0

    # The console tells the same of the budget, from the records alone.
    control = Control(server.console_url, server.admin_key)

    def company_of_the_console() -> dict:
        budgets = {use["name"]: use["budgets"][0] for use in control.ask("GET", "/budgets")["items"]}
        return budgets["company"]

    # What the journal still holds is reconciled already, and in the console once it is stored.
    assert eventually(lambda: company_of_the_console()["spent"] == company["recorded"], seconds=20)
    assert company_of_the_console()["lines"][0]["state"] == "within"
    server.stop()
    code, found = doctor(server)
    assert (code, found["source"], found["equal"]) == (0, "log", True), found


def test_counters_equal_the_records_after_workers_were_replaced_under_load(server):
    """FAILURES G5: what the old worker books while it drains is not lost to the new one."""
    stop = threading.Event()
    clients = [Client(server, number=number, stop=stop) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    assert eventually(lambda: sum(one.answered for one in clients) >= 20, seconds=30)
    victim = worker_of(server)
    command = [sys.executable, "-m", "penstock.cli", "workers", "replace", "--home", str(server.home)]
    subprocess.run(command, check=True, timeout=60, capture_output=True, env=scrubbed_environment(**SECRET))
    assert eventually(lambda: [one.pid for one in children(server.pid, "gateway_worker")] != [victim], seconds=20)
    stop.set()
    for client in clients:
        client.join(timeout=20)
    assert eventually(lambda: len(children(server.pid, "gateway_worker")) == 1, seconds=20)
    code, found = eventually(lambda: (told := doctor(server))[0] == 0 and told, seconds=10) or doctor(server)
    assert (code, found["source"], found["equal"]) == (0, "worker", True), found


def test_a_budget_that_is_new_has_not_counted_the_past_and_is_put_right(server):
    """FAILURES G5."""
    control = Control(server.console_url, server.admin_key)
    for _ in range(3):
        assert chat(server.gateway_url, server.admin_key, "sim/gpt-4o-mini").status_code == 200
    control.ask("PUT", "/limits/new", {"on": "key", "budget": {"month": "$100"}}, everywhere="true")
    assert doctor(server)[0] == 1
    code, found = doctor(server, "--fix")
    assert (code, found["equal"], found["fixed"]) == (0, True, 1), found
    assert doctor(server)[0] == 0
    assert chat(server.gateway_url, server.admin_key, "sim/gpt-4o-mini").status_code == 200
    assert doctor(server)[0] == 0
