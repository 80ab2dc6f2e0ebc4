"""Importing the package is fast, light and without side effects."""

import json
import subprocess
import sys

CODE = """
import json, sys, threading, time
before = set(sys.modules)
started = time.process_time()
import penstock
spent = time.process_time() - started
print(json.dumps({
    "seconds": spent,
    "modules": sorted({name.split(".")[0] for name in set(sys.modules) - before}),
    "threads": threading.active_count(),
}))
"""
SDK = """
import json, sys
import penstock
with penstock.context(session="s"):
    penstock.headers()
print(json.dumps({"modules": sorted({name.split(".")[0] for name in sys.modules})}))
"""
SERVER = {
    "aiohttp", "alembic", "duckdb", "genai_prices", "litestar", "rich", "ruamel", "sqlalchemy", "sqlglot", "typer",
    "uvicorn", "uvloop", "watchfiles", "pydantic", "pytest",
}  # fmt: skip


def run(code: str) -> dict:
    return json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)


def test_import_takes_less_than_150_ms_and_starts_nothing():
    """FAILURES G11: of processor time and the best of three, because the machine is shared."""
    runs = [run(CODE) for _ in range(3)]
    assert min(found["seconds"] for found in runs) < 0.150
    assert runs[0]["threads"] == 1
    assert SERVER.isdisjoint(runs[0]["modules"])


def test_the_light_sdk_needs_none_of_the_servers_dependencies():
    assert SERVER.isdisjoint(run(SDK)["modules"])
