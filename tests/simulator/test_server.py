"""The simulator as a process and as a server within a program."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request

import aiohttp
import pytest

from penstock.core.errors import InvalidInput, Unavailable
from penstock.simulator import ReplayConfig, Simulator, SimulatorConfig, TraceConfig, __main__, running, serve
from penstock.simulator.arguments import build_config, make_parser, parse_mapping, read_faults
from penstock.simulator.faults import Fault


def options(*arguments):
    return vars(make_parser().parse_args(list(arguments)))


def test_no_options_are_the_default_configuration():
    assert build_config(options()) == SimulatorConfig()


def test_every_option_reaches_the_configuration(tmp_path):
    schedule = tmp_path / "faults.yaml"
    schedule.write_text("faults:\n  - status: 500\n    since: 10s\n    until: 1m\n  - cut=2\n")
    config = build_config(
        options(
            *("--seed", "7", "--text", "echo", "--output-tokens", "constant:9", "--ttft", "constant:1ms"),
            *("--token-rate", "constant:50", "--latency", "constant:2ms", "--chunk-tokens", "2"),
            *("--events-per-write", "3", "--cached", "0.25", "--only-listed-models"),
            *("--replay", "a.jsonl", "--replay-question", "q", "--replay-answers", "gpt-*=a, x=b"),
            *("--trace", "t.csv", "--trace-columns", "input=i,output=o"),
            *("--fault", "silent", "--fault", "drop", "--faults", str(schedule)),
            *("--api-key", "one", "--api-key", "two"),
        )
    )
    assert config == SimulatorConfig(
        seed=7,
        text="echo",
        output_tokens="constant:9",
        ttft="constant:1ms",
        token_rate="constant:50",
        latency="constant:2ms",
        chunk_tokens=2,
        events_per_write=3,
        cached=0.25,
        only_listed_models=True,
        replay=ReplayConfig(file=config.replay.file, question="q", answers={"gpt-*": "a", "x": "b"}),
        trace=TraceConfig(file=config.trace.file, columns={"input": "i", "output": "o"}),
        faults=(Fault(status=500, since=10.0, until=60.0), Fault(cut=2), Fault(silent=True), Fault(drop=True)),
        api_keys=("one", "two"),
    )
    assert (config.replay.file.name, config.trace.file.name) == ("a.jsonl", "t.csv")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"chunk_tokens": 0}, "--chunk-tokens expects at least 1"),
        ({"events_per_write": -1}, "--events-per-write expects at least 1"),
        ({"cached": 1.5}, "--cached expects a share"),
        ({"text": "poem"}, "--text expects"),
        ({"fault": ["nope"]}, "nope"),
    ],
)
def test_an_option_that_does_not_fit_is_refused_by_name(given, words):
    with pytest.raises(InvalidInput, match=words):
        build_config(given)


def test_a_mapping_needs_names_and_values():
    assert parse_mapping("", option="--x") == {}
    with pytest.raises(InvalidInput, match="--x expects"):
        parse_mapping("a=", option="--x")


@pytest.mark.parametrize("content", [None, "a: [", "faults: [statsu=1]"])
def test_a_file_of_faults_that_does_not_fit_is_refused_by_name(tmp_path, content):
    path = tmp_path / "faults.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InvalidInput, match=r"faults\.yaml"):
        read_faults(path)


def test_faults_are_read_from_json_too(tmp_path):
    path = tmp_path / "faults.json"
    path.write_text('[{"status": 429, "rate": 0.5}]')
    assert read_faults(path) == (Fault(status=429, rate=0.5),)


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 - loopback
        return json.loads(response.read())


def test_a_process_says_where_it_serves_and_leaves_without_a_trace(tmp_path):
    ready = tmp_path / "ready.json"
    read, write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "penstock.simulator", "--port", "0", "--ready-file", ready, "--ready-fd", str(write)],
        pass_fds=[write],
        stderr=subprocess.PIPE,
    )
    os.close(write)
    try:
        with os.fdopen(read, "rb") as pipe:
            facts = json.loads(pipe.readline())
        assert json.loads(ready.read_bytes()) == facts
        assert fetch(f"{facts['url']}/sim/health")["simulator"]
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0
    assert not ready.exists()
    assert said == b""


def test_it_ends_when_its_parent_does():
    read, write = os.pipe()
    listen, tell = os.pipe()
    arguments = ["--port", "0", "--parent-fd", str(read), "--ready-fd", str(tell)]
    process = subprocess.Popen([sys.executable, "-m", "penstock.simulator", *arguments], pass_fds=[read, tell])
    os.close(read)
    os.close(tell)
    with os.fdopen(listen, "rb") as pipe:
        assert b"url" in pipe.readline()
    os.close(write)
    assert process.wait(timeout=20) == 0


def test_a_port_in_use_is_an_error_that_says_so(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert __main__.main(["--port", str(port)]) == 2
    assert f"127.0.0.1:{port}" in capsys.readouterr().err


def test_an_option_that_does_not_fit_ends_with_2(capsys):
    assert __main__.main(["--ttft", "soon", "--port", "0"]) == 2
    assert "--ttft: " in capsys.readouterr().err


def test_serve_tells_its_address_to_a_callable_and_stops_by_signal():
    told = []

    def ready(url):
        told.append(url)
        os.kill(os.getpid(), signal.SIGTERM)

    serve(SimulatorConfig(), ready=ready)
    assert told[0].startswith("http://127.0.0.1:")


def test_main_serves_until_it_is_told_to_stop(tmp_path):
    read, write = os.pipe()
    os.close(write)
    ready = tmp_path / "ready.json"
    assert __main__.main(["--port", "0", "--ready-file", str(ready), "--parent-fd", str(read)]) == 0
    os.close(read)
    assert not ready.exists()


async def test_leaving_drops_what_is_under_way():
    simulator = Simulator(SimulatorConfig(faults=(Fault(silent=True),)))
    async with running(simulator) as url:
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
        async with aiohttp.ClientSession() as session, session.get(f"{url}/sim/wait?active=1") as response:
            assert response.status == 200
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()
    with contextlib.suppress(ConnectionResetError):
        await writer.wait_closed()


async def test_an_inherited_socket_is_served_as_it_is():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        inherited = os.dup(listener.fileno())
        async with running(Simulator(), listen_fd=inherited) as url, aiohttp.ClientSession() as session:
            assert url == f"http://127.0.0.1:{port}"
            async with session.get(f"{url}/sim/health") as response:
                assert response.status == 200


async def test_ipv6_addresses_are_bracketed():
    try:
        async with running(Simulator(), host="::1") as url:
            assert url.startswith("http://[::1]:")
    except Unavailable:
        pytest.skip("this machine has no IPv6 loopback")


async def test_under_another_server_a_cut_is_an_answer_that_never_completes():
    sent = []

    async def receive():
        return {"type": "http.request", "body": b'{"model":"m","messages":[{"role":"user","content":"x"}]}'}

    async def send(message):
        sent.append(message)

    headers = [(b"x-sim-fault", b"cut=1")]
    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": headers, "query_string": b""}
    await Simulator()(scope, receive, send)
    assert sent[0]["type"] == "http.response.start"
    assert all(message.get("more_body", True) for message in sent)
    sent.clear()
    scope["headers"] = [(b"x-sim-fault", b"reset")]
    await Simulator()(scope, receive, send)
    assert sent == []


async def test_lifespan_is_answered():
    inbox = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = []

    async def receive():
        return inbox.pop(0)

    async def send(message):
        sent.append(message["type"])

    await Simulator()({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
