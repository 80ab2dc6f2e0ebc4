"""Where notifications may be sent, and how: FAILURES S27."""

import http.server
import json
import socket
import sys
import threading
from ipaddress import ip_network

import pytest

from penstock.alerts.notify import sender
from penstock.alerts.notify.message import test_message as a_test_message
from penstock.alerts.notify.network import (
    HOSTED,
    SELF_HOSTED,
    allowed_networks,
    check_address,
    check_host,
    read_destination,
)
from penstock.alerts.notify.transport import Address, Order, ProcessTransport
from penstock.core.errors import InvalidInput, PermissionDenied, Unavailable
from standardwebhooks_check import verify

LOOPBACK = (ip_network("127.0.0.0/8"),)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = a_test_message("team", id_="0190b6e2-7c1f-7a51-89b9-05b95b430bf6", now=1_767_571_200_000_000)


# A library of apprise's asks for a module that Python is going to drop.
OLD_MODULE = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


class Hook:
    """A server that hears what is posted to it."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict, bytes]] = []
        self.status = 200
        self.location: str | None = None
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                hook.requests.append((self.path, headers, body))
                self.send_response(hook.status)
                if hook.location:
                    self.send_header("location", hook.location)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_arguments) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?x=1"


@pytest.fixture
def hook():
    hook = Hook()
    yield hook
    hook.close()


def test_a_webhook_is_signed_as_the_standard_says(hook):
    ProcessTransport().send(Address(url=hook.url, secret=SECRET), MESSAGE, allow=LOOPBACK)
    ((path, headers, body),) = hook.requests
    assert path == "/hook?x=1"
    assert json.loads(body)["type"] == "alert.test"
    assert verify(SECRET, headers, body)
    assert not verify(SECRET, headers, body + b" ")


def test_nothing_is_sent_to_this_machine_unless_the_operator_allows_it(hook):
    """FAILURES S27: checked when it is connected to"""
    with pytest.raises(Unavailable, match="not a public address"):
        ProcessTransport().send(Address(url=hook.url, secret=SECRET), MESSAGE, allow=())
    assert hook.requests == []


def test_a_redirect_is_not_followed(hook):
    """FAILURES S27"""
    hook.status, hook.location = 302, "http://169.254.169.254/latest/meta-data"
    with pytest.raises(Unavailable, match="302: a redirect"):
        ProcessTransport().send(Address(url=hook.url), MESSAGE, allow=LOOPBACK)


def test_an_answer_that_is_an_error_is_told_without_the_address(hook):
    hook.status = 500
    with pytest.raises(Unavailable, match="answered 500") as caught:
        ProcessTransport().send(Address(url=hook.url), MESSAGE, allow=LOOPBACK)
    assert str(hook.port) not in str(caught.value)


@pytest.mark.parametrize("allowed", [True, False])
def test_a_service_of_apprise_is_reached_as_far_as_it_may_be(hook, allowed):
    address = Address(url=f"gotify://127.0.0.1:{hook.port}/SecretToken12345")
    transport = ProcessTransport()
    if allowed:
        transport.send(address, MESSAGE, allow=LOOPBACK)
        ((path, headers, body),) = hook.requests
        assert path == "/message"
        assert "Nothing is wrong" in body.decode()
        assert headers["x-gotify-key"] == "SecretToken12345"
    else:
        with pytest.raises(Unavailable, match="not a public address") as caught:
            transport.send(address, MESSAGE, allow=())
        assert "SecretToken" not in str(caught.value)
        assert hook.requests == []


def test_what_a_service_says_of_an_error_holds_no_token(hook):
    hook.status = 401
    with pytest.raises(Unavailable) as caught:
        ProcessTransport().send(
            Address(url=f"gotify://127.0.0.1:{hook.port}/SecretToken12345"), MESSAGE, allow=LOOPBACK
        )
    assert "SecretToken" not in str(caught.value)


def test_a_service_address_is_checked_before_it_is_kept():
    transport = ProcessTransport()
    transport.check("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", allow=())
    with pytest.raises(InvalidInput, match="not complete"):
        transport.check("pagerduty://nothing", allow=())


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - what is refused
        "224.0.0.1",
        "240.0.0.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_an_address_that_is_not_public_is_refused(address):
    with pytest.raises(PermissionDenied):
        check_address(address, allow=())


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_a_public_address_is_allowed(address):
    check_address(address, allow=())


def test_what_the_operator_allows_is_allowed():
    allow = allowed_networks("10.0.0.0/8, fd00::/8")
    for address in ("10.1.2.3", "fd00::1", "::ffff:10.1.2.3"):
        check_address(address, allow=allow)
    with pytest.raises(PermissionDenied):
        check_address("192.168.0.1", allow=allow)
    assert allowed_networks(None) == ()
    with pytest.raises(InvalidInput):
        allowed_networks("intranet")


def test_a_host_is_checked_when_a_channel_is_saved(monkeypatch):
    """FAILURES S27: checked at save"""
    found = {"inside.test": "10.0.0.1", "outside.test": "8.8.8.8"}

    def resolve(host, *_arguments, **_options):
        if host not in found:
            raise OSError
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (found[host], 0))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    check_host("outside.test", allow=())
    check_host("unknown.test", allow=())
    with pytest.raises(InvalidInput) as caught:
        check_host("inside.test", allow=())
    assert (caught.value.code, caught.value.field) == ("destination_forbidden", "url")


@pytest.mark.parametrize(
    ("url", "kind", "host"),
    [
        ("https://hooks.test/x?y", "webhook", "hooks.test"),
        ("slack://a/b/c", "slack", None),
        ("ntfys://ntfy.test/topic", "ntfys", "ntfy.test"),
        ("mailtos://user:pass@gmail.com?smtp=relay.test", "mailtos", "relay.test"),
    ],
)
def test_an_address_tells_where_it_goes(url, kind, host):
    found = read_destination(url)
    assert (found.kind, found.host) == (kind, host)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file:///etc/passwd",
        "dbus://",
        "syslog://",
        "json://10.0.0.1/",
        "https://user:pass@hooks.test/",
        "https:///x",
        "https://hooks.test:99999/",
        "https://hööks.test/",
        "https://hooks.test/\n",
        "ntfy://",
        "http://[::1/",
    ],
)
def test_what_is_no_destination_is_refused_without_repeating_it(url):
    with pytest.raises(InvalidInput) as caught:
        read_destination(url)
    assert "passwd" not in str(caught.value)


def test_no_scheme_starts_a_program_or_writes_to_this_machine():
    assert not {"dbus", "glib", "qt", "kde", "gnome", "macosx", "syslog", "windows", "file", "exec"} & (
        HOSTED | SELF_HOSTED
    )


@OLD_MODULE
def test_every_scheme_is_one_of_apprise():
    apprise = pytest.importorskip("apprise")
    known = {
        scheme
        for one in apprise.Apprise().details()["schemas"]
        for scheme in (*(one["protocols"] or ()), *(one["secure_protocols"] or ()))
    }
    assert known >= (HOSTED | SELF_HOSTED)


def test_the_guard_of_the_process_refuses_sockets_and_programs():
    denied: list[str] = []
    check = sender.guard(LOOPBACK, denied)
    check("socket.connect", (None, ("127.0.0.1", 80)))
    check("open", ("/etc/hosts", "r", 0))
    for event, arguments in [
        ("socket.connect", (None, ("10.0.0.1", 80))),
        ("socket.connect", (None, "/run/docker.sock")),
        ("subprocess.Popen", ("sh", [], None, None)),
    ]:
        with pytest.raises(PermissionDenied):
            check(event, arguments)
    with pytest.raises(ValueError, match="hooks"):
        check("socket.connect", (None, ("hooks.test", 80)))
    assert len(denied) == 4


@OLD_MODULE
def test_the_process_answers_in_this_one_too(hook, monkeypatch, capsysbinary):
    """The same work, where coverage sees it."""
    order = Order(act="send", address=Address(url=hook.url, secret=SECRET), allow=[], message=MESSAGE, timestamp=1)
    assert sender.run(order).error is None
    gotify = Order(
        act="send", address=Address(url=f"gotify://127.0.0.1:{hook.port}/SecretToken12345"), allow=[], message=MESSAGE
    )
    assert sender.run(gotify).error is None
    hook.status = 500
    assert "SecretToken" not in (sender.run(gotify).error or "")
    assert sender.run(gotify, denied=["It may not."]).error == "It may not."
    nothing = Order(act="check", address=Address(url="pagerduty://nothing"), allow=[])
    assert "not complete" in (sender.run(nothing).error or "")
    assert (
        sender.run(
            Order(act="check", address=Address(url="slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"), allow=[])
        ).error
        is None
    )
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert "apprise" in (sender.run(nothing).error or "")


def test_a_process_that_fails_is_told(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    with pytest.raises(Unavailable, match="failed"):
        ProcessTransport().send(Address(url="https://hooks.test/"), MESSAGE, allow=())


def test_a_process_that_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr("penstock.alerts.notify.transport.SECONDS", 0.01)
    with pytest.raises(Unavailable, match="no answer"):
        ProcessTransport().send(Address(url="https://hooks.test/"), MESSAGE, allow=())


def test_an_address_is_never_printed():
    assert "hooks" not in repr(Address(url="https://hooks.test/token"))
