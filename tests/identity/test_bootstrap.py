"""The very first start."""

import stat
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from penstock.core.errors import Unavailable
from penstock.core.ids import RandomIds
from penstock.identity.service import IdentityService
from penstock.identity.types import PERMISSIONS, Key
from penstock.store.metadata import open_metadata


def test_the_first_start_makes_a_project_and_an_admin_key_and_no_password(house):
    """FAILURES S17"""
    assert [p.name for p in house.service.projects.visible(house.admin)] == ["default"]
    (key,) = house.service.keys.of_project(house.made.project)
    assert (key.name, set(key.scopes), key.status) == ("admin", PERMISSIONS, "active")
    assert house.admin.grants.everywhere == PERMISSIONS


def test_the_admin_key_lies_in_an_owner_only_file(house):
    file = house.home / "admin.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert house.service.admin_key(file) == house.made.secret


def test_every_installation_has_its_own_secrets(house, tmp_path, clock):
    other = open_metadata(tmp_path / "other.db")
    made = IdentityService(
        other, clock=clock, ids=RandomIds(clock, seed=1), master_key=tmp_path / "master.key"
    ).bootstrap(tmp_path / "other.key")
    assert made.secret != house.made.secret
    other.close()


def test_a_second_start_changes_nothing(house):
    before = house.service.revision()
    assert house.service.bootstrap(house.home / "admin.key") is None
    assert house.service.revision() == before
    assert house.service.admin_key(house.home / "admin.key") == house.made.secret


def test_a_first_start_that_cannot_write_the_key_is_begun_again(tmp_path, clock):
    metadata = open_metadata(tmp_path / "metadata.db")
    service = IdentityService(metadata, clock=clock, ids=RandomIds(clock), master_key=tmp_path / "master.key")
    with pytest.raises(Unavailable, match="admin key cannot be written"):
        service.bootstrap(tmp_path / "missing" / "admin.key")
    made = service.bootstrap(tmp_path / "admin.key")
    assert service.access.by_key(made.secret).name == "admin"
    metadata.close()


def test_an_admin_key_that_is_gone_or_revoked_is_not_offered(house):
    file = house.home / "admin.key"
    house.service.keys.revoke(house.admin, house.made.key)
    assert house.service.admin_key(file) is None
    file.write_bytes(b"\xff\xfe")
    assert house.service.admin_key(file) is None
    file.unlink()
    assert house.service.admin_key(file) is None


def test_secrets_do_not_show_when_objects_are_printed(house):
    """FAILURES S12"""
    minted = house.service.keys.create(house.admin, project=house.made.project, name="app")
    link = house.service.new_signin_link()
    session = house.service.people.sign_in(link.token)
    shown = repr([house.made, minted, link, session])
    for secret in (house.made.secret, minted.secret, link.token, session.token):
        assert secret not in shown
    assert "secret" not in Key.__struct_fields__


def test_no_secret_is_stored_anywhere(house):
    """FAILURES S5: what lies in the store opens nothing."""
    minted = house.service.keys.create(house.admin, project=house.made.project, name="app")
    link = house.service.new_signin_link()
    session = house.service.people.sign_in(link.token)
    stored = b"".join(path.read_bytes() for path in house.home.glob("metadata.db*"))
    for secret in (house.made.secret, minted.secret, link.token, session.token):
        assert secret.encode() not in stored


def test_of_two_first_starts_at_once_one_makes_everything(tmp_path, clock):
    metadata = open_metadata(tmp_path / "metadata.db")
    services = [
        IdentityService(metadata, clock=clock, ids=RandomIds(clock, seed=n), master_key=tmp_path / "master.key")
        for n in range(4)
    ]
    meet = threading.Barrier(len(services))

    def start(service: IdentityService):
        meet.wait()
        return service.bootstrap(tmp_path / "admin.key")

    with ThreadPoolExecutor(len(services)) as pool:
        made = [one for one in pool.map(start, services) if one is not None]
    assert len(made) == 1
    assert services[0].admin_key(tmp_path / "admin.key") == made[0].secret
    metadata.close()
