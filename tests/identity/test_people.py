"""People: roles, one-time links, sessions."""

import threading

import pytest

from penstock.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied, Unauthenticated, Unavailable
from penstock.core.ids import RandomIds
from penstock.identity.service import IdentityService
from penstock.identity.types import PERMISSIONS, ROLE_PERMISSIONS
from penstock.store.metadata import open_metadata

HOUR = 3600


def sign_in(house, **options) -> str:
    return house.service.people.sign_in(house.service.new_signin_link(**options).token).token


def test_a_link_signs_in_once(house):
    link = house.service.new_signin_link()
    assert link.url("http://localhost:4180/") == f"http://localhost:4180/signin#token={link.token}"
    session = house.service.people.sign_in(link.token)
    principal = house.service.access.by_session(session.token)
    assert (principal.kind, principal.name, principal.grants.everywhere) == ("user", "admin", PERMISSIONS)
    with pytest.raises(Unauthenticated) as caught:
        house.service.people.sign_in(link.token)
    assert caught.value.code == "link_invalid"


def test_of_many_who_use_a_link_at_once_one_gets_in(house):
    link = house.service.new_signin_link()
    outcomes: list[bool] = []

    def attempt() -> None:
        try:
            house.service.people.sign_in(link.token)
        except Unauthenticated:
            outcomes.append(False)
        else:
            outcomes.append(True)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 7 + [True]


def test_a_link_expires_after_a_quarter_of_an_hour(house):
    early, late = house.service.new_signin_link(), house.service.new_signin_link()
    house.clock.advance(15 * 60 - 1)
    assert house.service.people.sign_in(early.token)
    house.clock.advance(1)
    with pytest.raises(Unauthenticated):
        house.service.people.sign_in(late.token)


@pytest.mark.parametrize("token", [None, "", "null", "a" * 43, "a" * 10_000])
def test_an_empty_or_unknown_link_or_session_is_refused(house, token):
    """FAILURES S38"""
    with pytest.raises(Unauthenticated):
        house.service.people.sign_in(token)
    with pytest.raises(Unauthenticated):
        house.service.access.by_session(token)


def test_a_session_token_is_no_key_and_a_key_no_session(house):
    with pytest.raises(Unauthenticated):
        house.service.access.by_key(sign_in(house))
    with pytest.raises(Unauthenticated):
        house.service.access.by_session(house.made.secret)


def test_a_session_ends_after_twelve_idle_hours(house):
    token = sign_in(house)
    for _ in range(3):
        house.clock.advance(12 * HOUR - 1)
        assert house.service.access.by_session(token)
    house.clock.advance(12 * HOUR)
    with pytest.raises(Unauthenticated, match="session has ended"):
        house.service.access.by_session(token)


def test_a_session_ends_after_seven_days_however_busy(house):
    token = sign_in(house)
    for _ in range(7 * 24 - 1):
        house.clock.advance(HOUR)
        house.service.access.by_session(token)
    house.clock.advance(HOUR)
    with pytest.raises(Unauthenticated):
        house.service.access.by_session(token)


def test_a_store_that_cannot_be_written_does_not_lock_people_out(house, monkeypatch, caplog):
    token = sign_in(house)
    house.clock.advance(HOUR)

    def full(*_args, **_options):
        raise Unavailable("The disk is full.")

    monkeypatch.setattr("penstock.identity.store.sessions.touch", full)
    assert house.service.access.by_session(token).name == "admin"
    assert "could not be marked as used" in caplog.text
    assert token not in caplog.text


def test_signing_out_ends_that_session_only(house):
    one, two = sign_in(house), sign_in(house)
    house.service.people.sign_out(one)
    house.service.people.sign_out("nonsense")
    with pytest.raises(Unauthenticated):
        house.service.access.by_session(one)
    assert house.service.access.by_session(two)


def test_a_change_of_role_ends_all_sessions_and_unused_links_of_that_person(house):
    """FAILURES S6, S3"""
    sessions = [sign_in(house, role="editor", name="Ada") for _ in range(2)]
    unused = house.service.new_signin_link(role="editor", name="Ada")
    bystander = sign_in(house, role="editor", name="Bob")

    link = house.service.new_signin_link(role="viewer", name="Ada")

    for token in sessions:
        with pytest.raises(Unauthenticated):
            house.service.access.by_session(token)
    with pytest.raises(Unauthenticated):
        house.service.people.sign_in(unused.token)
    assert house.service.access.by_session(bystander)
    again = house.service.access.by_session(house.service.people.sign_in(link.token).token)
    assert again.grants.within(house.made.project) == ROLE_PERMISSIONS["viewer"]


def test_a_link_for_the_same_role_leaves_sessions_alone(house):
    token = sign_in(house, role="editor", name="Ada")
    house.service.new_signin_link(role="editor", name="Ada")
    assert house.service.access.by_session(token)


def test_roles_in_two_projects_hold_each_in_its_own(house):
    other = house.service.projects.create(house.admin, "other")
    house.service.new_signin_link(role="editor", name="Ada")
    ada = house.person("viewer", "Ada", project="other")
    assert ada.grants.within(house.made.project) == ROLE_PERMISSIONS["editor"]
    assert ada.grants.within(other.id) == ROLE_PERMISSIONS["viewer"]
    assert ada.project == house.made.project
    assert not ada.may("traces:read", house.service.projects.create(house.admin, "third").id)


def test_a_person_of_a_later_project_begins_there(house):
    other = house.service.projects.create(house.admin, "other")
    assert house.person("viewer", "Ada", project=other.id).project == other.id


def test_an_admins_role_holds_in_projects_made_later(house):
    admin = house.person("admin", "Ada")
    later = house.service.projects.create(house.admin, "later")
    assert admin.may("keys:write", later.id)


def test_the_last_admin_is_not_demoted(house):
    with pytest.raises(Conflict) as caught:
        house.service.new_signin_link(role="viewer", name="admin")
    assert caught.value.code == "last_admin"
    house.person("admin", "Ada")
    assert house.person("viewer", "admin").grants.within(house.made.project) == ROLE_PERMISSIONS["viewer"]


def test_nobody_gives_a_role_that_may_do_more_than_they(house):
    """FAILURES S2, S3, S23"""
    other = house.service.projects.create(house.admin, "other")
    scopes = sorted(ROLE_PERMISSIONS["viewer"] | {"users:write"})
    host = house.service.access.by_key(
        house.service.keys.create(house.admin, project=house.made.project, name="host", scopes=scopes).secret
    )
    invite = house.service.people.invite
    assert invite(host, role="viewer", name="guest")
    for role, project, error in [
        ("editor", None, PermissionDenied),
        ("admin", None, PermissionDenied),
        ("viewer", other.id, NotFound),
        ("viewer", "no-such-project", NotFound),
    ]:
        with pytest.raises(error):
            invite(host, role=role, name="guest2", project=project)
    with pytest.raises(PermissionDenied):
        invite(house.person("editor"), role="viewer", name="guest3")


def test_a_host_of_one_project_does_not_touch_people_of_others(house):
    house.service.projects.create(house.admin, "other")
    house.person("editor", "Bob", project="other")
    scopes = sorted(ROLE_PERMISSIONS["viewer"] | {"users:write"})
    host = house.service.access.by_key(
        house.service.keys.create(house.admin, project=house.made.project, name="host", scopes=scopes).secret
    )
    for name in ("Bob", "admin"):
        with pytest.raises(PermissionDenied, match="beyond this project"):
            house.service.people.invite(host, role="viewer", name=name)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"role": "root"}, "role"),
        ({"role": "x" * 500}, "role"),
        ({"role": "admin", "project": "default"}, "project"),
        ({"role": "viewer", "name": "\n"}, "name"),
    ],
)
def test_a_bad_invitation_names_its_field(house, options, field):
    with pytest.raises(InvalidInput) as caught:
        house.service.new_signin_link(**options)
    assert caught.value.field == field
    assert len(str(caught.value)) < 300


def test_used_links_and_ended_sessions_are_forgotten_after_a_month(house):
    for _ in range(3):
        house.service.people.sign_out(sign_in(house))
    house.clock.advance(31 * 24 * HOUR)
    sign_in(house)
    with house.metadata.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sessions").scalar() == 1
        assert connection.exec_driver_sql("SELECT count(*) FROM signin_links").scalar() == 1


def test_signing_in_and_inviting_are_in_the_audit_log(house):
    sign_in(house, role="viewer", name="Ada")
    assert {"session.create", "link.create", "user.role", "user.create"} <= set(house.audited())


def test_before_the_first_start_nothing_can_be_made(tmp_path, clock):
    metadata = open_metadata(tmp_path / "metadata.db")
    service = IdentityService(metadata, clock=clock, ids=RandomIds(clock), master_key=tmp_path / "master.key")
    with pytest.raises(Unavailable, match="organisation does not exist"):
        service.new_signin_link()
    metadata.close()


def test_a_person_without_a_role_sees_nothing(house):
    token = sign_in(house, role="viewer", name="Ada")
    with house.metadata.write() as connection:
        connection.exec_driver_sql("DELETE FROM memberships WHERE role = 'viewer'")
    nobody = house.service.access.by_session(token)
    assert nobody.project == ""
    assert house.service.projects.visible(nobody) == []
    with pytest.raises(NotFound):
        house.service.projects.resolve(nobody, None)
