"""The command line's client of the control API."""

import json
import socket
import threading

import pytest

from penstock.cli.client import ControlClient, connect, path_of
from penstock.cli.output import Exit, exit_code
from penstock.cli.records import Page, ProjectRow, decode
from penstock.core.errors import InvalidInput, PenstockError, TooLarge, Unauthenticated, Unavailable


def test_a_request_carries_the_key_the_query_and_the_body(canned):
    canned.respond({"items": []})
    client = ControlClient(canned.url + "/", "psk_secret")
    client.post(path_of("keys"), {"name": "app"}, {"project": "a b", "filter": ["x:eq:1", "y:eq:2"], "q": None})
    asked = canned.asked[0]
    assert asked.method == "POST"
    assert asked.path == "/api/v1/keys?project=a+b&filter=x%3Aeq%3A1&filter=y%3Aeq%3A2"
    assert asked.headers["authorization"] == "Bearer psk_secret"
    assert json.loads(asked.body) == {"name": "app"}


def test_a_path_segment_cannot_leave_its_place():
    assert path_of("keys", "../../admin?x", "rotate") == "/api/v1/keys/..%2F..%2Fadmin%3Fx/rotate"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, Exit.UNKNOWN),
        (401, Exit.NO),
        (403, Exit.NO),
        (404, Exit.NO),
        (409, Exit.NO),
        (413, Exit.UNKNOWN),
        (422, Exit.UNKNOWN),
        (500, Exit.UNKNOWN),
        (503, Exit.UNKNOWN),
    ],
)
def test_a_problem_is_told_in_the_consoles_own_words(canned, status, code):
    canned.respond({"title": "No", "detail": "It is so.", "hint": "Do this.", "code": "why"}, status=status)
    with pytest.raises(PenstockError) as caught:
        ControlClient(canned.url, "k").get("/api/v1/session")
    assert str(caught.value) == "It is so. Do this."
    assert caught.value.code == "why"
    assert exit_code(caught.value) is code


def test_a_refused_key_without_a_hint_says_how_to_give_one(canned):
    canned.respond({"detail": "The key is unknown."}, status=401)
    with pytest.raises(Unauthenticated, match="PENSTOCK_KEY"):
        ControlClient(canned.url, "k").get("/api/v1/session")


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[]", b""])
def test_an_error_that_is_no_problem_document_says_it_is_no_console(canned, body):
    canned.respond(body, status=502)
    with pytest.raises(Unavailable, match="not as a Penstock console would"):
        ControlClient(canned.url, "k").get("/api/v1/session")


def test_a_redirect_is_not_followed_so_the_key_goes_nowhere_else(canned):
    """FAILURES S24: a secret is sent to the address it belongs to only."""
    canned.respond(status=302, location=f"{canned.url}/elsewhere")
    with pytest.raises(Unavailable, match="redirect"):
        ControlClient(canned.url, "k").get("/api/v1/session")
    assert len(canned.asked) == 1


def test_nobody_listening_says_what_to_start():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(Unavailable, match="penstock up") as caught:
        ControlClient(url, "k").get("/api/v1/session")
    assert caught.value.code == "console_unreachable"


def test_an_answer_that_is_cut_is_an_error_not_half_an_answer(canned):
    canned.respond(b'{"items": [', claim=500)
    with pytest.raises(Unavailable, match="stopped answering"):
        ControlClient(canned.url, "k").get("/api/v1/projects")


def test_an_answer_over_the_limit_is_refused(canned, monkeypatch):
    monkeypatch.setattr("penstock.sdk.control.MAX_ANSWER", 10)
    canned.respond(b"x" * 11)
    with pytest.raises(TooLarge):
        ControlClient(canned.url, "k").get("/api/v1/traces")


def test_a_console_that_does_not_answer_in_time_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Unavailable, match="timed out"):
            ControlClient(url, "k", timeout=0.05).get("/api/v1/session")


def test_events_come_one_by_one_and_comments_are_passed_over(canned):
    canned.respond(b': keep-alive\n\nevent: trace\ndata: {"a":1}\n\ndata: one\r\ndata:two\r\n\r\ndata: unfinished')
    assert list(ControlClient(canned.url, "k").events("/api/v1/traces/tail")) == [b'{"a":1}', b"one\ntwo"]


def test_a_stream_that_goes_silent_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ndata: 1\n\n")
                done.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        events = ControlClient(url, "k").events("/api/v1/traces/tail", silence=0.05)
        assert next(events) == b"1"
        with pytest.raises(Unavailable, match="stopped answering"):
            next(events)
        done.set()
        thread.join()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:4180",
        "ftp://host",
        "http://",
        "http://h:99999",
        "http://u:p@h",
        "http://h/?q=1",
        "http://[::1",
        "http://h/#x",
    ],
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(InvalidInput, match="--url"):
        ControlClient(url, "k")


def test_an_https_console_that_speaks_no_tls_is_an_error_not_a_plain_request(canned):
    with pytest.raises(Unavailable):
        ControlClient(canned.url.replace("http://", "https://"), "k").get("/api/v1/session")
    assert canned.asked == []


class TestConnect:
    def test_the_home_names_its_console_and_its_admin_key(self, tmp_path, canned):
        (tmp_path / "run").mkdir()
        (tmp_path / "run/console.url").write_text(canned.url + "\n")
        (tmp_path / "admin.key").write_text("psk_admin\n")
        canned.respond({})
        connect(tmp_path, None, None).get("/api/v1/session")
        assert canned.asked[0].headers["authorization"] == "Bearer psk_admin"

    def test_a_home_where_nothing_runs_says_so(self, tmp_path):
        with pytest.raises(Unavailable, match="No console is running"):
            connect(tmp_path, None, "k")

    def test_the_homes_admin_key_is_not_sent_to_another_machine(self, tmp_path):
        """FAILURES S24: a stored secret does not go to an address it was not stored with."""
        (tmp_path / "admin.key").write_text("psk_admin")
        with pytest.raises(Unauthenticated, match="No key"):
            connect(tmp_path, "https://console.example.com", None)

    def test_the_homes_admin_key_is_used_on_this_machine(self, tmp_path, canned):
        (tmp_path / "admin.key").write_text("psk_admin")
        canned.respond({})
        connect(tmp_path, canned.url, None).get("/api/v1/session")
        assert canned.asked[0].headers["authorization"] == "Bearer psk_admin"

    def test_a_given_key_wins(self, tmp_path, canned):
        (tmp_path / "admin.key").write_text("psk_admin")
        canned.respond({})
        connect(tmp_path, canned.url, "psk_mine").get("/api/v1/session")
        assert canned.asked[0].headers["authorization"] == "Bearer psk_mine"

    def test_a_key_file_that_cannot_be_read_is_named(self, tmp_path):
        (tmp_path / "admin.key").mkdir()
        with pytest.raises(Unavailable, match=r"admin\.key"):
            connect(tmp_path, "http://127.0.0.1:4180", None)


def test_an_answer_of_another_shape_is_a_clear_error():
    with pytest.raises(Unavailable, match="expected shape"):
        decode(b'{"items": [{"id": 1}]}', Page[ProjectRow])
