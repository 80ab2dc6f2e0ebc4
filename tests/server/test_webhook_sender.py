"""Webhooks over real sockets on loopback."""

import socket
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import standardwebhooks_check
from penstock.alerts.notify.network import allowed_networks
from penstock.core.errors import InvalidInput, PermissionDenied, Unavailable
from penstock.server.webhook_sender import CheckedSender

SECRET = "whsec_" + "QUJD" * 8
LOOPBACK = allowed_networks("127.0.0.0/8")


@dataclass
class Receiver:
    url: str = ""
    status: int = 200
    asked: list = field(default_factory=list)


@pytest.fixture
def receiver():
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            found.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(found.status)
            if found.status == 302:
                self.send_header("location", "/elsewhere")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def send(sender, url):
    sender.send(url, SECRET, id_="m1", timestamp=1_700_000_000, body=b'{"a":1}')


def test_a_message_is_signed_as_receivers_verify_it(receiver):
    send(CheckedSender(LOOPBACK), f"{receiver.url}/hook?x=1")
    ((path, headers, body),) = receiver.asked
    assert (path, body, headers["webhook-id"]) == ("/hook?x=1", b'{"a":1}', "m1")
    assert standardwebhooks_check.verify(SECRET, headers, body)
    assert headers["host"] == receiver.url.removeprefix("http://")


def test_this_machine_is_not_reached_unless_it_is_allowed(receiver):
    """FAILURES S27"""
    with pytest.raises(PermissionDenied) as caught:
        send(CheckedSender(), receiver.url)
    assert caught.value.code == "destination_forbidden"
    with pytest.raises(InvalidInput):
        CheckedSender().check("http://127.0.0.1/x")
    assert CheckedSender(LOOPBACK).check("http://127.0.0.1/x") == "127.0.0.1"
    assert receiver.asked == []


def test_a_name_that_means_another_address_when_it_is_used_is_not_followed(receiver, monkeypatch):
    """FAILURES S21, S27"""
    public = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: public)
    CheckedSender().check("http://rebind.example/x")
    port = int(receiver.url.rpartition(":")[2])
    private = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: private)
    with pytest.raises(PermissionDenied):
        send(CheckedSender(), "http://rebind.example/x")
    assert receiver.asked == []


@pytest.mark.parametrize(
    "url", ["slack://a/b/c", "mailto://x@y.org", "file:///etc/passwd", "http://", "https://u:p@x.org"]
)
def test_what_is_no_webhook_is_refused(url):
    with pytest.raises(InvalidInput):
        CheckedSender().check(url)


@pytest.mark.parametrize(
    ("status", "what"), [(302, "a redirect, which is not followed"), (500, "not 2xx"), (404, "not 2xx")]
)
def test_an_answer_that_is_no_yes_is_told_without_the_address(receiver, status, what):
    receiver.status = status
    with pytest.raises(Unavailable) as caught:
        send(CheckedSender(LOOPBACK), f"{receiver.url}/secret-token")
    assert caught.value.message == f"127.0.0.1 answered {status}: {what}."
    assert len(receiver.asked) == 1


def test_a_receiver_that_is_not_there_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1 did not take the webhook"):
            send(CheckedSender(LOOPBACK), url)


def test_a_receiver_that_speaks_no_tls_is_told(receiver):
    with pytest.raises(Unavailable, match="did not take the webhook") as caught:
        send(CheckedSender(LOOPBACK), receiver.url.replace("http:", "https:"))
    assert isinstance(caught.value.__cause__, ssl.SSLError | OSError)


def test_a_receiver_that_answers_byte_by_byte_is_cut_off(monkeypatch):
    monkeypatch.setattr("penstock.server.webhook_sender.WHOLE_SECONDS", 0.05)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(Unavailable, match="did not take the webhook"),
    ):
        send(CheckedSender(LOOPBACK), f"http://127.0.0.1:{silent.getsockname()[1]}")
