"""Two Penstocks that send each other what they store: it arrives as it was, and nothing goes round."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e_harness import Control, chat, eventually
from penstock.testing.server import PenstockServer
from penstock.testing.simulator import SimulatorServer

CONFIG = """\
version: 1
providers:
  sim: {{kind: openai, base_url: "{simulator}/v1", price_as: openai, models: [gpt-4o-mini]}}
telemetry:
  export:
    - url: {backend}/otlp/v1/traces
      headers: {{authorization: file:authorization}}
      filter: "-model:none*"
"""


@pytest.fixture
def pair(
    penstock_simulator_process: SimulatorServer, tmp_path: Path
) -> Iterator[tuple[PenstockServer, PenstockServer]]:
    """The first exports to the second."""
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    with PenstockServer(tmp_path / "other") as other:
        config = tmp_path / "one" / "penstock.yaml"
        config.write_text(CONFIG.format(simulator=penstock_simulator_process.url, backend=other.console_url))
        (tmp_path / "one" / "authorization").write_text(f"Bearer {other.admin_key}\n")
        with PenstockServer(tmp_path / "one", config=config) as one:
            yield one, other


def test_a_call_through_one_gateway_is_found_in_the_other_console(pair: tuple[PenstockServer, PenstockServer]) -> None:
    one, other = pair
    answer = chat(one.gateway_url, one.admin_key, "sim/gpt-4o-mini")
    trace_id = answer.headers["x-penstock-trace-id"]
    (sent,) = Control(one.console_url, one.admin_key).trace(trace_id)["spans"]
    (come,) = Control(other.console_url, other.admin_key).trace(trace_id, seconds=10)["spans"]
    same = ("span_id", "name", "kind", "started", "duration", "served_model", "usage_input", "usage_output", "cost")
    assert {name: come[name] for name in same} == {name: sent[name] for name in same}
    assert (come["input"], come["output"]) == (sent["input"], sent["output"])
    assert (come["source"], come["service"], come["call"]) == ("otlp", "penstock-gateway", False)
    spool = one.home / "export"
    assert eventually(lambda: not any(path.is_file() for path in spool.rglob("*")), seconds=5)
