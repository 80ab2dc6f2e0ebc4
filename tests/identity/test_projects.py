"""Projects: the tenant boundary."""

import pytest

from penstock.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied, Unavailable
from penstock.core.ids import RandomIds
from penstock.identity.service import IdentityService
from penstock.identity.types import SYSTEM
from penstock.store.metadata import open_metadata


def test_a_project_is_found_by_id_and_by_name(house):
    made = house.service.projects.create(house.admin, "search-2")
    for spelling in (made.id, "search-2"):
        assert house.service.projects.resolve(house.admin, spelling) == made
    assert house.service.projects.resolve(house.admin, None).name == "default"


def test_a_project_that_one_may_not_see_is_as_one_that_does_not_exist(house):
    """FAILURES S23, S39"""
    other = house.service.projects.create(house.admin, "other")
    viewer = house.person("viewer")
    assert [p.name for p in house.service.projects.visible(viewer)] == ["default"]
    errors = set()
    for spelling in (other.id, "other", "nowhere", ""):
        with pytest.raises(NotFound) as caught:
            house.service.projects.resolve(viewer, spelling)
        errors.add(str(caught.value))
    assert len(errors) == 1


def test_two_projects_do_not_share_a_name(house):
    with pytest.raises(Conflict, match="named default already"):
        house.service.projects.create(house.admin, "default")


@pytest.mark.parametrize(
    "name", ["", "a b", "-x", "ä", "x" * 64, "a/b", "..", "x\n", "0190b6e2-7c1f-7a51-89b9-05b95b430bf6"]
)
def test_a_name_fits_into_an_address_and_is_no_id(house, name):
    with pytest.raises(InvalidInput) as caught:
        house.service.projects.create(house.admin, name)
    assert caught.value.field == "name"


def test_a_key_of_one_project_makes_no_other(house):
    local = house.service.keys.create(
        house.admin, project=house.made.project, name="local", scopes=["projects:write", "projects:read"]
    )
    with pytest.raises(PermissionDenied):
        house.service.projects.create(house.service.access.by_key(local.secret), "mine")


def test_before_the_first_start_there_is_no_organisation_to_own_one(tmp_path, clock):
    metadata = open_metadata(tmp_path / "metadata.db")
    service = IdentityService(metadata, clock=clock, ids=RandomIds(clock), master_key=tmp_path / "master.key")
    with pytest.raises(Unavailable):
        service.projects.create(SYSTEM, "first")
    metadata.close()


def test_clearing_the_cache_concerns_one_project_and_is_written_down(house):
    other = house.service.projects.create(house.admin, "other")
    before, _ = house.service.snapshot_entries()
    house.service.projects.clear_cache(house.admin, house.made.project)
    after, _ = house.service.snapshot_entries()
    assert after[house.made.project].cache_generation == before[house.made.project].cache_generation + 1
    assert after[other.id] == before[other.id]
    assert "cache.clear" in house.audited()
