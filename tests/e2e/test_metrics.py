"""Prometheus scrapes a running Penstock."""

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from e2e_harness import Control, chat, eventually
from penstock.testing.server import PenstockServer


def total(text: str, name: str) -> float:
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with PenstockServer(tmp_path_factory.mktemp("metrics"), workers=2) as running:
        yield running


def scrape(url: str, key: str | None) -> httpx.Response:
    return httpx.get(f"{url}/metrics", headers={"authorization": f"Bearer {key}"} if key else {}, trust_env=False)


@pytest.mark.parametrize("plane", ["gateway_url", "console_url"])
def test_a_scrape_of_any_worker_tells_of_all_calls(server, plane):
    before = total(scrape(getattr(server, plane), server.admin_key).text, "penstock_calls_total")
    for _ in range(12):
        assert chat(server.gateway_url, server.admin_key, model="sim/gpt-4o-mini").status_code == 200

    def counted() -> bool:
        answer = scrape(getattr(server, plane), server.admin_key)
        assert answer.headers["content-type"].startswith("text/plain")
        return total(answer.text, "penstock_calls_total") == before + 12

    assert eventually(counted)


def test_a_key_is_needed_and_one_for_calls_is_not_enough(server):
    key = Control(server.console_url, server.admin_key).ask("POST", "/keys", {"name": "app"})["secret"]
    for url in (server.gateway_url, server.console_url):
        assert scrape(url, None).status_code == 401
        # A new key is known to the workers in a moment.
        assert eventually(lambda url=url: scrape(url, key).status_code == 403)
