"""The documents say what the program does."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from penstock.cli import reference
from penstock.core.errors import InvalidInput
from penstock.core.home import Home
from penstock.gateway.app import ROUTES
from penstock.identity.service.access import ABSOLUTE_SECONDS, IDLE_SECONDS
from penstock.identity.service.people import LINK_SECONDS
from penstock.identity.types import ROLE_PERMISSIONS
from penstock.wire import headers, snapshot

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
GATEWAY = (ROOT / "docs" / "gateway.md").read_text()


def test_the_reference_of_the_command_line_is_fresh():
    page = (ROOT / "docs" / "cli.md").read_text()
    assert reference.update(page) == page, "run: make docs"


def test_a_page_without_a_place_for_the_reference_is_refused():
    with pytest.raises(InvalidInput, match="write between"):
        reference.update("# Command line")


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_that_a_page_names_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        word for line in re.findall(r"(?:`|    )make ((?:[a-z]+ ?)+)", page.read_text()) for word in line.split()[:1]
    }
    assert named <= targets


def test_every_target_of_the_makefile_says_what_it_does():
    text = (ROOT / "Makefile").read_text()
    public = set(re.findall(r"^([a-z-]+):", text, re.MULTILINE)) - {"chromium", "redis"}
    assert public == set(re.findall(r"^([a-z-]+):.*## \S", text, re.MULTILINE))


def test_every_route_of_the_gateway_and_its_scope_is_documented():
    rows = [line for line in GATEWAY.splitlines() if line.startswith("| `")]
    for route in ROUTES:
        row = next((line for line in rows if f"`{route.method} {route.path}`" in line), None)
        assert row is not None, route
        assert f"`{route.permission}`" in row or (route.permission is None and "none" in row), route


def test_every_header_is_documented():
    for name in (headers.SESSION, headers.USER, headers.TAGS, headers.TRACEPARENT, headers.TRACE_ID):
        assert f"`{name}`" in GATEWAY


def codes_of(*places: str) -> set[str]:
    """Every code that an error is given there: `code="…"`, a class's default, or a name of an upstream's failure."""
    found = set()
    for name in places:
        place = ROOT / "src" / "penstock" / name
        for path in [place] if place.suffix else place.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
                    found.add(node.value.value)
                elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "code":
                    found.add(ast.literal_eval(node.value))
                elif isinstance(node, ast.Constant) and re.fullmatch(r"upstream_[a-z_]+", str(node.value)):
                    found.add(node.value)
    return found


def test_every_error_code_of_the_gateway_is_documented_and_no_other():
    section = GATEWAY[GATEWAY.index("## Errors") :]
    documented = set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE))
    timers = {f"upstream_timeout_{timer}" for timer in snapshot.Timeouts.__struct_fields__}
    defaults = {"invalid_input", "internal_error", "upstream_error"}
    # Names of fields, of what only a worker's log says, and of what only intake and saving in the console meet.
    inner = {
        "partial_undeclared",
        "journal_not_durable",
        "snapshot_corrupt",
        "snapshot_unreadable",
        "template_invalid",
        "upstream_connections",
        "upstream_status",
        "upstream_timeout_",
        "upstream_url",
        "variable_undeclared",
    }
    codes = codes_of(
        "gateway",
        "providers",
        "wire/headers.py",
        "wire/templates.py",
        "store/journal/writer.py",
        "store/counters/redis.py",
    )
    assert documented == (codes - inner) | timers | defaults


def test_defaults_that_the_gateway_page_states_are_the_defaults():
    settings, timers = snapshot.GatewaySettings(), snapshot.Timeouts()
    assert f"`gateway.max_body` ({settings.max_body // 1024**2} MiB)" in GATEWAY
    assert f"`gateway.max_response` ({settings.max_response // 1024**2} MiB)" in GATEWAY
    assert f"`gateway.keepalive` ({settings.keepalive:g} s)" in GATEWAY
    assert f"`connect` ({timers.connect:g} s), `first_byte` ({timers.first_byte:g} s)" in GATEWAY
    assert f"({timers.gap:g} s), `total` ({timers.total / 60:g}\nminutes)" in GATEWAY


def test_the_readme_keeps_a_place_for_the_benchmarks_and_says_every_entry_of_the_documents():
    text = (ROOT / "README.md").read_text()
    assert "<!-- bench:start -->" in text
    assert "<!-- bench:end -->" in text
    for page in (ROOT / "docs").glob("*.md"):
        if page.name != "index.md":
            assert f"(docs/{page.name})" in text
            assert f"({page.name})" in (ROOT / "docs" / "index.md").read_text()


def test_make_lists_every_target():
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = re.findall(r"^  make ([a-z-]+) +\S", listed, re.MULTILINE)
    assert names == re.findall(r"^([a-z-]+):.*## \S", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"up", "test", "bench", "clean"} <= set(names)


def test_the_roles_and_times_of_the_security_page_are_those_of_the_code():
    page = (ROOT / "docs" / "security.md").read_text()

    def permissions(role: str) -> set[str]:
        (row,) = [line for line in page.splitlines() if line.startswith(f"| {role} |")]
        return set(re.findall(r"`([a-z]+:[a-z]+)`", row))

    viewer = permissions("viewer")
    assert viewer == ROLE_PERMISSIONS["viewer"]
    assert viewer | permissions("editor") == ROLE_PERMISSIONS["editor"]
    assert viewer | permissions("editor") | permissions("admin") == ROLE_PERMISSIONS["admin"]
    text = " ".join(page.split())
    assert f"works for {LINK_SECONDS // 60} minutes" in text
    assert f"{IDLE_SECONDS // 3600} hours of rest or {ABSOLUTE_SECONDS // 86400} days" in text


def test_times_and_sizes_of_the_operations_page_are_those_of_the_code():
    page = " ".join((ROOT / "docs" / "operations.md").read_text().split())
    journal, gateway = snapshot.JournalSettings(), snapshot.GatewaySettings()
    assert f"`gateway.drain` ({gateway.drain:g} s)" in page
    assert f"`journal.segment_seconds` ({journal.segment_seconds:g} s)" in page


def test_every_file_of_the_home_is_documented():
    page = (ROOT / "docs" / "operations.md").read_text()
    home = Home(Path("/home"))
    for path in (home.config, home.metadata, home.spans, home.snapshot, home.spend):
        assert f"`{path.name}`" in page
    for folder in (home.journal, home.run, home.quarantine):
        assert f"{folder.name}/" in page
