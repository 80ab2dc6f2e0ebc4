"""What is wrong is refused with a clear error, and nothing is lost by it."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anthropic
import httpx
import openai
import psutil
import pytest

from e2e_harness import Control, chat, eventually, message, scrubbed_environment
from penstock.testing.journal import JournalFolder
from penstock.testing.server import PenstockServer

MB = 1024 * 1024
QUESTION: list[Any] = [{"role": "user", "content": "Hi"}]
OPENAI_PATHS = ("/v1/chat/completions", "/v1/responses", "/v1/embeddings")
ANTHROPIC_PATHS = ("/v1/messages", "/v1/messages/count_tokens")

Post = Callable[..., httpx.Response]


@pytest.fixture
def post(stack: PenstockServer) -> Iterator[Post]:
    """Sends bytes, or an object, with the admin key."""
    headers = {"authorization": f"Bearer {stack.admin_key}", "content-type": "application/json"}
    with httpx.Client(base_url=stack.gateway_url, headers=headers, timeout=20, trust_env=False) as client:

        def send(path: str, body: object, **more: str) -> httpx.Response:
            content = body if isinstance(body, bytes | Iterator) else json.dumps(body)
            return client.post(path, content=content, headers=more)

        yield send


def error_of(answer: httpx.Response, path: str) -> dict[str, Any]:
    """The error object, in the shape of the dialect that the path belongs to."""
    content = answer.json()
    if path in ANTHROPIC_PATHS:
        assert content["type"] == "error"
        assert set(content["error"]) == {"type", "message"}
        assert content["request_id"] == answer.headers["request-id"]
    else:
        assert set(content) == {"error"}
        assert set(content["error"]) == {"message", "type", "param", "code"}
    assert answer.headers["x-penstock-trace-id"]
    return content["error"]


@pytest.mark.parametrize("path", [*OPENAI_PATHS, *ANTHROPIC_PATHS])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"model": "fast", "messages": [{"role": "user", "content": "cut off he',
        b"[]",
        b"null",
        b'"model"',
        b"\xff\xfe{}",
        b'{"model": NaN}',
        b'{"model": "fast"}{"model": "fast"}',
        b'{"model": "\\ud800"}',
        b"[" * 100_000,
        b'{"messages": ' + b'{"a":' * 50_000,
    ],
    ids=["empty", "brace", "cut", "array", "null", "string", "utf16", "nan", "two", "surrogate", "deep", "deeper"],
)
def test_malformed_json_is_refused_and_the_message_says_where(post: Post, path: str, body: bytes) -> None:
    answer = post(path, body)
    error = error_of(answer, path)
    assert answer.status_code == 400
    assert error["type"] == "invalid_request_error"
    if path in OPENAI_PATHS:
        assert error["code"] == "invalid_json"
    assert "JSON object" in error["message"]


@pytest.mark.parametrize(
    ("path", "field", "body"),
    [
        ("/v1/chat/completions", "model", {"model": 7, "messages": QUESTION}),
        ("/v1/chat/completions", "model", {"messages": QUESTION}),
        ("/v1/chat/completions", "messages", {"model": "fast"}),
        ("/v1/chat/completions", "messages", {"model": "fast", "messages": "Hi"}),
        ("/v1/chat/completions", "messages", {"model": "fast", "messages": []}),
        ("/v1/chat/completions", "messages[0]", {"model": "fast", "messages": ["Hi"]}),
        ("/v1/chat/completions", "stream", {"model": "fast", "messages": QUESTION, "stream": "yes"}),
        ("/v1/responses", "input", {"model": "fast"}),
        ("/v1/responses", "input", {"model": "fast", "input": 7}),
        ("/v1/embeddings", "input", {"model": "fast"}),
        ("/v1/embeddings", "input", {"model": "fast", "input": {}}),
        ("/v1/messages", "model", {"max_tokens": 9, "messages": QUESTION}),
        ("/v1/messages", "messages", {"model": "fast", "max_tokens": 9, "messages": "Hi"}),
        ("/v1/messages", "messages", {"model": "fast", "max_tokens": 9, "messages": []}),
        ("/v1/messages", "max_tokens", {"model": "fast", "max_tokens": "many", "messages": QUESTION}),
        ("/v1/messages", "system", {"model": "fast", "max_tokens": 9, "messages": QUESTION, "system": 7}),
        ("/v1/messages", "stream", {"model": "fast", "max_tokens": 9, "messages": QUESTION, "stream": 3}),
    ],
)
def test_a_wrong_type_is_refused_and_its_field_named(post: Post, path: str, field: str, body: dict[str, Any]) -> None:
    answer = post(path, body)
    error = error_of(answer, path)
    assert answer.status_code == 400
    assert error["message"].startswith(f"{field}:")
    assert "xpected" in error["message"]
    if path in OPENAI_PATHS:
        assert error["param"] == field


def test_a_refused_call_leaves_a_record_with_its_error(post: Post, control: Control) -> None:
    answer = post("/v1/chat/completions", {"model": "fast", "messages": "Hi"})
    (span,) = control.trace(answer.headers["x-penstock-trace-id"])["spans"]
    assert (span["status"], span["error_type"], span["http_status"]) == ("error", "invalid_input", 400)
    assert span["cost"] == 0


@pytest.mark.parametrize("name", ["sim/gpt-4o-mini", "gpt-4o-mini"])
def test_an_unknown_model_is_refused_with_the_nearest_names(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic, name: str
) -> None:
    wrong = name.replace("mini", "mimi")
    if "/" in wrong:
        # The provider takes any name; only another provider's name is unknown.
        wrong = wrong.replace("sim/", "sin/")
    with pytest.raises(openai.NotFoundError) as refused:
        openai_client.chat.completions.create(model=wrong, messages=QUESTION)
    assert refused.value.code == "model_not_found"
    assert "'sim/gpt-4o-mini'" in refused.value.message
    with pytest.raises(anthropic.NotFoundError, match="sim/gpt-4o-mini"):
        anthropic_client.messages.create(model=wrong, max_tokens=9, messages=QUESTION)


def large(size: int) -> dict[str, Any]:
    return {"model": "fast", "max_tokens": 9, "messages": [{"role": "user", "content": "x" * size}]}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize("announced", [True, False], ids=["content-length", "chunked"])
def test_a_20_mb_body_is_refused_with_the_limit(
    post: Post, control: Control, stack: PenstockServer, path: str, announced: bool
) -> None:
    body = json.dumps(large(20 * MB)).encode()
    answer = post(path, body if announced else iter([body[: 10 * MB], body[10 * MB :]]))
    error = error_of(answer, path)
    assert answer.status_code == 413
    assert str(16 * MB) in error["message"]
    assert "gateway.max_body" in error["message"]
    (span,) = control.trace(answer.headers["x-penstock-trace-id"])["spans"]
    assert span["error_type"] == "request_too_large"
    assert chat(stack.gateway_url, stack.admin_key, "fast").status_code == 200, "and nothing else is harmed"


def test_a_20_mb_body_is_a_status_error_in_both_sdks(
    openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic
) -> None:
    messages: Any = large(20 * MB)["messages"]
    with pytest.raises(openai.APIStatusError) as refused:
        openai_client.chat.completions.create(model="fast", messages=messages)
    assert refused.value.status_code == 413
    with pytest.raises(anthropic.APIStatusError) as denied:
        anthropic_client.messages.create(model="fast", max_tokens=9, messages=messages)
    assert denied.value.status_code == 413


def test_a_large_body_under_the_limit_passes_whole(stack: PenstockServer, control: Control) -> None:
    """FAILURES G25."""
    answer = chat(stack.gateway_url, stack.admin_key, "sim/gpt-4o-mini", "y" * (2 * MB))
    assert answer.status_code == 200
    assert answer.json()["usage"]["prompt_tokens"] > 100_000
    (span,) = control.trace(answer.headers["x-penstock-trace-id"])["spans"]
    assert span["input"] is None, "text over gateway.max_recorded is left out, and its size said"
    assert span["attributes"]["penstock.input.bytes_not_recorded"] > 2 * MB


def test_a_compressed_body_is_refused_by_name(post: Post) -> None:
    answer = post("/v1/chat/completions", b"\x1f\x8b\x08\x00", **{"content-encoding": "gzip"})
    assert answer.status_code == 400
    assert error_of(answer, "/v1/chat/completions")["code"] == "unsupported_encoding"


@pytest.mark.parametrize("header", ["x-penstock-session", "x-penstock-user", "x-penstock-tags"])
def test_a_context_header_over_its_limit_is_refused(post: Post, header: str) -> None:
    answer = post("/v1/chat/completions", {"model": "fast", "messages": QUESTION}, **{header: "k=" + "v" * 9000})
    assert answer.status_code == 400
    assert error_of(answer, "/v1/chat/completions")["code"] == "context_invalid"


@pytest.mark.parametrize("plane", ["gateway", "console"])
def test_a_huge_header_is_refused_before_it_is_kept(stack: PenstockServer, plane: str) -> None:
    """FAILURES S15."""
    parts = urlsplit(stack.ready[f"{plane}_url"])
    size = 64 * MB
    sent = 0
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as caller:
        caller.sendall(b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\nx-filler: ")
        try:
            while sent < size:
                sent += caller.send(b"a" * 65536)
        except ConnectionError:
            pass
        try:
            answer = caller.recv(1024)
        except ConnectionError:
            answer = b""
    assert sent < size, "the connection is closed long before its end"
    assert answer.startswith(b"HTTP/1.1 431 ") or answer == b""
    assert httpx.get(f"{stack.ready[f'{plane}_url']}/healthz", trust_env=False).status_code == 200


@pytest.mark.parametrize("noise", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n"])
@pytest.mark.parametrize("plane", ["gateway", "console"])
def test_what_is_no_http_is_answered_with_400_and_closed(stack: PenstockServer, plane: str, noise: bytes) -> None:
    parts = urlsplit(stack.ready[f"{plane}_url"])
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as caller:
        caller.sendall(noise)
        caller.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: caller.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_truncated_segment_is_set_aside_and_its_good_lines_are_kept(stack: PenstockServer, control: Control) -> None:
    """FAILURES O4."""
    before = control.ask("GET", "/system")["journal"]["quarantined"]
    journal = JournalFolder(stack.home / "journal", worker="00000000deadbeef")
    project = control.ask("GET", "/session")["default_project"]
    trace_ids = [f"{number:x}" * 32 for number in (10, 11, 12)]
    lines = [journal.line(journal.span(project=project, trace_id=trace_id)) for trace_id in trace_ids]
    path = journal.path()
    # A torn page in the middle, and an end that never reached the disk.
    content = lines[0] + b"\0" * 512 + b"\n" + lines[1] + lines[2][: len(lines[2]) // 2]
    (path.parent / f".{path.name}.test").write_bytes(content)
    (path.parent / f".{path.name}.test").rename(path)
    for trace_id in trace_ids[:2]:
        assert control.trace(trace_id)["spans"][0]["trace_id"] == trace_id
    assert control.status("GET", f"/traces/{trace_ids[2]}")[0] == 404
    assert eventually(lambda: not path.exists()), "the segment is done with"
    assert control.ask("GET", "/system")["journal"]["quarantined"] == before + 2
    (quarantined,) = (stack.home / "journal" / "quarantine").glob(f"{path.stem}*")
    reasons = [json.loads(line) for line in quarantined.read_text().splitlines()]
    assert [(one["line"], bool(one["reason"])) for one in reasons] == [(2, True), (4, True)]
    answer = chat(stack.gateway_url, stack.admin_key, "fast")
    assert control.trace(answer.headers["x-penstock-trace-id"]), "ingestion goes on"


INVALID = """\
version: 1
providers:
  sim:
    kind: opemai
    base_url: http://127.0.0.1:9/v1
    modles: [gpt-4o-mini]
aliases:
  fast: simm/gpt-4o-mini
"""


def test_an_invalid_configuration_at_the_first_start_is_refused_with_every_place(tmp_path: Path) -> None:
    config = tmp_path / "penstock.yaml"
    config.write_text(INVALID)
    home = tmp_path / "home"
    options = ("--home", home, "--gateway-port", "0", "--console-port", "0", "--config", config)
    ran = subprocess.run(
        [sys.executable, "-m", "penstock.cli", "up", *map(str, options)],
        capture_output=True,
        text=True,
        check=False,
        timeout=40,
        env=scrubbed_environment(),
    )
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    assert f"{config}:4: providers.sim.kind: " in ran.stderr
    assert "Did you mean 'openai'?" in ran.stderr
    assert f"{config}:6: providers.sim: 'modles' is not a field here. Did you mean 'models'?" in ran.stderr
    assert f"{config}:8: aliases.fast" in ran.stderr
    assert "Penstock is up" not in ran.stdout
    assert [each for each in psutil.Process().children(recursive=True) if str(home) in _command(each)] == []


def _command(process: psutil.Process) -> list[str]:
    """Its words; none of one that has ended and was not waited for, by whatever test started it."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


@pytest.mark.parametrize(
    ("path", "query", "code", "told"),
    [
        ("/traces", {"filter": "statu:eq:ok"}, 400, "status"),
        ("/traces", {"filter": "status:equals:ok"}, 400, "eq"),
        ("/traces", {"limit": 100_000}, 400, "200"),
        ("/traces", {"from": "yesterday"}, 400, "from"),
        ("/traces", {"cursor": "nonsense"}, 400, "cursor"),
        ("/traces", {"project": "no-such-project"}, 404, "GET /api/v1/projects"),
        ("/traces/facets", {"column": "statsu"}, 400, "status"),
        ("/traces/xyz", {}, 404, "xyz"),
        ("/overview", {"points": 0}, 400, "points"),
        ("/nothing", {}, 404, "not_found"),
    ],
)
def test_the_control_api_says_what_is_wrong_as_problem_json(
    control: Control, path: str, query: dict[str, Any], code: int, told: str
) -> None:
    status, problem = control.status("GET", path, **query)
    assert status == code, problem
    assert {"type", "title", "status", "detail", "code"} <= set(problem)
    assert problem["status"] == code
    assert told in json.dumps(problem)


def test_an_anthropic_caller_gets_anthropics_errors_from_every_upstream(stack: PenstockServer, model: str) -> None:
    answer = message(stack.gateway_url, stack.admin_key, model, max_tokens="many")
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
