"""What comes before any route: Host, headers, method, origin; and what every answer carries."""

import asyncio
from dataclasses import replace

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import get
from litestar.response import Stream

from penstock.core.errors import Unavailable
from penstock.server.console_app import ConsoleSettings, create_app
from penstock.server.edge import host_of


async def test_every_answer_carries_the_security_headers(console):
    for path in ("/healthz", "/api/v1/session", "/no-such-thing", "/api/v1/nothing"):
        headers = (await console.ask("GET", path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "script-src 'self';" in policy
        assert "default-src 'none'" in policy
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:4180", "LOCALHOST", "127.0.0.1:80", "[::1]:4180", "localhost."]
)
async def test_the_local_names_are_served(console, host):
    assert (await console.ask("GET", "/api/v1/session", headers={"host": host})).status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "0.0.0.0", "[::2]"])  # noqa: S104 - sent, not bound
async def test_a_page_that_was_rebound_to_this_address_gets_nothing(console, host):
    """FAILURES S21"""
    for path in ("/", "/api/v1/session", "/api/openapi.json"):
        answer = await console.ask("GET", path, headers={"host": host}, key=console.made.secret)
        assert (answer.status_code, answer.json()["code"]) == (421, "host_not_allowed")
        assert "--public-url" in answer.json()["hint"]


@pytest.mark.parametrize(
    "host", ["", "localhost/api", "a@localhost", "localhost:notaport", "[::1", "[zz]", "local host"]
)
async def test_a_host_that_is_none_is_refused(console, host):
    """FAILURES S13"""
    answer = await console.ask("GET", "/api/v1/session", headers={"host": host})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_host")


async def test_two_host_headers_are_refused(console):
    """FAILURES S13"""
    answer = await console.ask("GET", "/api/v1/session", headers=[("host", "localhost"), ("host", "evil.example")])
    assert answer.status_code == 400


async def test_probes_answer_under_any_name(console):
    for path in ("/healthz", "/readyz"):
        assert (await console.ask("GET", path, headers={"host": "10.1.2.3:4180"})).json() == {"status": "ok"}


@pytest.fixture
def behind_a_proxy(console):
    settings = ConsoleSettings(public_url="https://penstock.example.com/")
    console.app = create_app(replace(console.services, settings=settings))
    return console


async def test_the_public_name_is_served_and_cookies_travel_through_tls_only(behind_a_proxy):
    link = behind_a_proxy.identity.new_signin_link()
    answer = await behind_a_proxy.ask(
        "POST",
        "/api/v1/session",
        headers={"host": "penstock.example.com", "origin": "https://penstock.example.com"},
        json={"token": link.token},
    )
    assert answer.status_code == 200
    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"].startswith("max-age=")


async def test_sign_in_links_bear_the_public_address(behind_a_proxy):
    answer = await behind_a_proxy.ask(
        "POST", "/api/v1/signin-links", key=behind_a_proxy.made.secret, json={"role": "admin"}
    )
    assert answer.json()["url"].startswith("https://penstock.example.com/signin#token=")


async def test_a_forwarded_host_is_not_believed(console):
    """FAILURES S21"""
    answer = await console.ask(
        "POST",
        "/api/v1/signin-links",
        key=console.made.secret,
        json={"role": "admin"},
        headers={"x-forwarded-host": "evil.example", "forwarded": "host=evil.example"},
    )
    assert answer.json()["url"].startswith("http://127.0.0.1:4180/")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:9999", "http://localhost.evil.example"]
)
async def test_a_page_of_another_origin_writes_nothing(console, origin):
    """FAILURES S36: neither with a session nor by signing a browser in as somebody else."""
    session = console.session()
    answers = [
        await console.ask("POST", "/api/v1/keys", session=session, headers={"origin": origin}, json={"name": "x"}),
        await console.ask(
            "POST",
            "/api/v1/session",
            headers={"origin": origin},
            json={"token": console.identity.new_signin_link().token},
        ),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, "origin_not_allowed")] * 2
    assert all("access-control-allow-origin" not in answer.headers for answer in answers)


async def test_the_consoles_own_pages_write(console):
    for host in ("127.0.0.1:4180", "localhost:4180"):
        answer = await console.ask(
            "POST",
            "/api/v1/keys",
            session=console.session(),
            headers={"host": host, "origin": f"http://{host}"},
            json={"name": "x"},
        )
        assert answer.status_code == 201


@pytest.mark.parametrize("path", ["/", "/api/v1/keys", "/api/v1/session", "/nowhere"])
async def test_a_preflight_is_refused(console, path):
    """FAILURES S36, S41"""
    answer = await console.ask(
        "OPTIONS", path, headers={"origin": "https://evil.example", "access-control-request-method": "POST"}
    )
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_huge_and_many_headers_are_refused(console):
    """FAILURES S15"""
    for headers in ({"x-big": "a" * 40_000}, {f"x-{number}": "a" for number in range(120)}):
        answer = await console.ask("GET", "/api/v1/session", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (431, "headers_too_large")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/api", 404, "not_found"),
        ("PUT", "/api/v1/keys", 405, "method_not_allowed"),
        ("PATCH", "/api/v1/keys/x", 405, "method_not_allowed"),
        ("POST", "/", 405, "method_not_allowed"),
    ],
)
async def test_what_is_not_there_is_a_problem_too(console, method, path, status, code):
    answer = await console.ask(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path", ["/api/v1//keys", "/api/v1/./keys", "/api/v1/x/../keys", "/API/v1/keys", "/api/v1/keys/"]
)
async def test_no_spelling_of_a_path_goes_around_the_guard(console, path):
    """FAILURES S13: what is authorised is the route that runs."""
    answer = await console.ask("GET", httpx.URL(f"http://127.0.0.1:4180{path}"))
    assert answer.status_code in {401, 404}


async def test_an_unforeseen_failure_tells_nothing_of_the_inside(console, monkeypatch, caplog):
    """FAILURES S12"""

    def break_down(*_args):
        raise ZeroDivisionError("secret detail of the inside")

    monkeypatch.setattr(console.identity.projects, "visible", break_down)
    answer = await console.ask("GET", "/api/v1/projects", key=console.made.secret)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret detail" not in answer.text
    assert "secret detail" in caplog.text
    assert console.made.secret not in caplog.text


async def test_an_unavailable_store_says_so_and_when_to_try_again(console, tmp_path):
    for path in console.home.path.glob("metadata.db*"):
        path.write_bytes(b"not a database any more, whatever it was before" * 200)
    answer = await console.ask("GET", "/readyz")
    assert answer.status_code in {500, 503}
    assert answer.json()["code"].startswith("metadata_")


async def test_a_locked_store_is_503_with_retry_after(console, monkeypatch):
    def locked() -> int:
        raise Unavailable("The metadata store is locked.", retry_after=7, code="metadata_locked")

    monkeypatch.setattr(console.identity, "revision", locked)
    answer = await console.ask("GET", "/readyz")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert answer.json()["code"] == "metadata_locked"


@given(st.text(max_size=40))
def test_reading_a_host_never_fails_and_never_returns_a_path(authority):
    host = host_of(authority)
    assert host is None or not set(host) & set("/\\?#@ \t")


@given(st.from_regex(r"[a-z][a-z0-9-]{0,20}(\.[a-z]{2,5}){0,2}", fullmatch=True), st.integers(0, 65535))
def test_a_well_formed_host_is_read_with_and_without_its_port(name, port):
    assert host_of(name) == host_of(f"{name}:{port}") == host_of(name.upper()) == name


@pytest.fixture
def tailed(console):
    """A route that streams an event, then waits for the test before the next."""
    ticks: asyncio.Queue[str] = asyncio.Queue()

    @get("/tail", opt={"permission": "traces:read"})
    async def tail() -> Stream:
        async def events():
            while (tick := await ticks.get()) != "end":
                yield f"data: {tick}\n\n"

        return Stream(events(), media_type="text/event-stream")

    console.app = create_app(console.services, also=[tail])
    console.ticks = ticks
    return console


async def read_stream(console, key: str, act) -> list[bytes]:
    """What a client gets of a stream when `act` happens after the first event."""
    got: list[bytes] = []
    first, complete = asyncio.Event(), asyncio.Event()
    headers = [(b"host", b"localhost"), (b"x-api-key", key.encode())]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/tail",
        "raw_path": b"/tail",
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 4180),
    }

    async def receive():
        # As a server does: nothing more comes until the answer is complete.
        await complete.wait()
        return {"type": "http.disconnect"}

    async def send(message) -> None:
        if message["type"] == "http.response.body":
            got.append(message["body"])
            first.set()
            if not message.get("more_body"):
                complete.set()

    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(console.app(scope, receive, send))
        await console.ticks.put("1")
        await first.wait()
        await act()
        for tick in ("2", "3", "end"):
            await console.ticks.put(tick)
        await serving
    return got


async def test_a_running_stream_ends_soon_after_its_key_is_revoked(tailed):
    """FAILURES G22"""
    minted = tailed.key("traces:read")

    async def revoke() -> None:
        tailed.identity.keys.revoke(tailed.identity.access.by_key(tailed.made.secret), minted.id)
        tailed.clock.advance(2)

    assert await read_stream(tailed, minted.secret, revoke) == [b"data: 1\n\n", b""]


async def test_a_running_stream_goes_on_while_its_key_holds(tailed):
    async def wait() -> None:
        tailed.clock.advance(60)

    got = await read_stream(tailed, tailed.key("traces:read").secret, wait)
    assert b"".join(got) == b"data: 1\n\ndata: 2\n\ndata: 3\n\n"


async def test_a_running_stream_goes_on_while_the_store_is_away(tailed, monkeypatch, caplog):
    secret = tailed.key("traces:read").secret

    def away(_key: str):
        raise Unavailable("The disk is full.")

    async def go_away() -> None:
        monkeypatch.setattr(tailed.identity.access, "by_key", away)
        tailed.clock.advance(60)

    assert b"data: 3" in b"".join(await read_stream(tailed, secret, go_away))
    assert "goes on unchecked" in caplog.text
