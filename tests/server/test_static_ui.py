"""The built console as files."""

import gzip
import os
import shutil
from dataclasses import replace

import pytest

from penstock.server.console_app import ConsoleSettings, build
from penstock.server.static_ui import StaticFiles


class Served:
    """One app for all tests, since building it is slow; each test fills its folder anew."""

    def __init__(self, folder):
        self.folder = folder
        self.services = None
        self.app = build(ConsoleSettings(static=folder), lambda: self.services)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    return Served(tmp_path_factory.mktemp("console") / "static")


@pytest.fixture
def folder(served):
    yield served.folder
    for left in served.folder.parent.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()


@pytest.fixture
def console(console, served, folder):
    served.services = replace(console.services, settings=ConsoleSettings(static=folder))
    console.app = served.app
    return console


@pytest.fixture
def built(folder):
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Penstock</title>" + " " * 500)
    (folder / "assets" / "index-B4k3d.js").write_text("export const answer = 42;\n" * 50)
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / "data.bin").write_bytes(b"\x00\x01")
    (folder / ".stamp").write_text("hidden")
    (folder.parent / "secret.txt").write_text("outside")
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
    return folder


@pytest.mark.parametrize("path", ["/", "/traces", "/traces/0af7651916cd43dd8448eb211c80319c", "/signin", "/keys?x=1"])
async def test_addresses_of_the_app_get_its_page(console, built, path):
    answer = await console.ask("GET", path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert "<title>Penstock</title>" in answer.text


@pytest.mark.parametrize("path", ["/api/x", "/api/v1/nope", "/otlp/nope", "/metrics", "/assets/gone-1.js", "/x.map"])
async def test_the_page_never_stands_in_for_what_is_missing(console, built, path):
    answer = await console.ask("GET", path, headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_what_is_named_by_its_content_is_kept_for_ever(console, built):
    answer = await console.ask("GET", "/assets/index-B4k3d.js")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


async def test_text_travels_compressed_when_the_browser_takes_it(console, built):
    plain = await console.ask("GET", "/assets/index-B4k3d.js", headers={"accept-encoding": "identity"})
    packed = await console.ask("GET", "/assets/index-B4k3d.js", headers={"accept-encoding": "gzip, br"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "accept-encoding"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content == (built / "assets" / "index-B4k3d.js").read_bytes()
    assert int(packed.headers["content-length"]) == len(gzip.compress(plain.content, 6, mtime=0))


async def test_an_unchanged_file_is_not_sent_again(console, built):
    first = await console.ask("GET", "/")
    again = await console.ask("GET", "/", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_head_answers_without_a_body(console, built):
    answer = await console.ask("HEAD", "/")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


async def test_a_file_of_unknown_kind_is_no_page(console, built):
    """FAILURES S22: a file is never sniffed into a script."""
    await console.ask("GET", "/data.bin")
    answer = await console.ask("GET", "/data.bin")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/..%5csecret.txt",
        "//etc/passwd",
        "/%2fetc%2fpasswd.txt",
        "/link.txt",
        "/.stamp",
        "/secret.txt%00.js",
    ],
)
async def test_no_path_leads_out_of_the_folder(console, built, path):
    """FAILURES S18"""
    answer = await console.ask("GET", path)
    assert "outside" not in answer.text
    assert "hidden" not in answer.text
    assert "root:" not in answer.text


async def test_a_console_that_was_not_built_says_how_to_build_it(console):
    answer = await console.ask("GET", "/traces", headers={"accept": "text/html"})
    assert answer.status_code == 503
    assert "make console" in answer.text
    assert (await console.ask("GET", "/traces", headers={"accept": "application/json"})).status_code == 404
    assert (await console.ask("GET", "/healthz")).status_code == 200


async def test_a_build_is_served_without_a_restart(console, folder):
    assert (await console.ask("GET", "/", headers={"accept": "text/html"})).status_code == 503
    folder.mkdir()
    (folder / "index.html").write_text("first")
    assert (await console.ask("GET", "/")).text == "first"
    (folder / "index.html").write_text("second")
    os.utime(folder / "index.html", ns=(1, 1))
    assert (await console.ask("GET", "/")).text == "second"


def test_files_are_read_once(built):
    files = StaticFiles(built)
    assert files.find("/favicon.svg") is files.find("/favicon.svg")
    assert files.find("/assets") is files.find("/index.html")
