"""`docs/passthrough.md` says what the code does."""

import re
from pathlib import Path

from penstock.gateway.passthrough.address import FORWARDED, FORWARDED_PREFIXES
from penstock.gateway.passthrough.form import HEAD_BYTES
from penstock.gateway.passthrough.paths import METHODS
from penstock.gateway.passthrough.resolve import PROVIDER_HEADER
from penstock.wire.snapshot import GatewaySettings

PAGE = (Path(__file__).parents[3] / "docs" / "passthrough.md").read_text()


def test_every_header_that_is_passed_on_is_named_and_no_other():
    told = PAGE.split("a provider is given:")[1].split("Headers configured")[0]
    assert set(re.findall(r"`([^`]+)`", told)) == FORWARDED | set(FORWARDED_PREFIXES)


def test_methods_and_limits_are_named():
    told = PAGE.split("Methods are ")[1].split(".")[0]
    assert set(re.findall("[A-Z]+", told)) == METHODS
    assert f"first {HEAD_BYTES // 1024} KiB" in PAGE
    assert f"`gateway.max_upload` ({GatewaySettings().max_upload // 1024**3} GiB)" in PAGE
    assert f"`{PROVIDER_HEADER}`" in PAGE
