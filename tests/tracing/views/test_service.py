"""Saved views: private to who saved them, or shared in their project."""

import pytest

from penstock.core.clock import ManualClock
from penstock.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied, PreconditionFailed
from penstock.core.ids import SequentialIds
from penstock.tracing.views.service import SavedViews
from penstock.tracing.views.types import ViewDocument


class Person:
    kind = "user"

    def __init__(self, name, *, shares=True):
        self.id = self.user = self.name = name
        self._shares = shares

    def may(self, permission, project, /):
        return self._shares and (permission, project) == ("dashboards:write", "p")


class Key:
    """A key of Ada's, or of nobody's."""

    kind, name = "key", "laptop"

    def __init__(self, user=None):
        self.id, self.user = "k1", user

    def may(self, permission, project, /):
        return False


ADA, BOB = Person("ada"), Person("bob", shares=False)


@pytest.fixture
def views(metadata):
    return SavedViews(metadata, clock=ManualClock(), ids=SequentialIds())


def view(name="Errors", **more):
    return ViewDocument(name=name, **{"q": "status:error", "columns": ["status", "cost"], "sort": "-cost", **more})


def names(views, actor, project="p", **more):
    return [(one.document.name, one.mine) for one in views.listed(actor, project, **more)]


def test_a_private_view_is_there_for_its_owner_alone(views):
    """FAILURES S39"""
    mine = views.create(BOB, "p", view(window=3_600_000_000))
    assert names(views, BOB) == [("Errors", True)]
    assert names(views, ADA) == []
    for act in (
        lambda: views.get(ADA, "p", mine.id),
        lambda: views.replace(ADA, "p", mine.id, view()),
        lambda: views.delete(ADA, "p", mine.id),
        lambda: views.get(BOB, "q", mine.id),
    ):
        with pytest.raises(NotFound) as caught:
            act()
        assert caught.value.code == "view_not_found"
    assert views.get(BOB, "p", mine.id).document == view(window=3_600_000_000)


def test_a_shared_view_is_there_for_all_of_the_project(views):
    views.create(BOB, "p", view("z own"))
    shared = views.create(ADA, "p", view("a shared", shared=True, page="users"))
    assert names(views, BOB) == [("z own", True), ("a shared", False)]
    assert names(views, BOB, page="users") == [("a shared", False)]
    assert names(views, ADA) == [("a shared", True)]
    assert names(views, ADA, "q") == []
    for act in (
        lambda: views.create(BOB, "p", view(shared=True)),
        lambda: views.replace(BOB, "p", shared.id, view()),
        lambda: views.delete(BOB, "p", shared.id),
    ):
        with pytest.raises(PermissionDenied, match="dashboards:write"):
            act()


def test_only_the_owner_takes_a_view_back(views):
    shared = views.create(ADA, "p", view(shared=True))
    cleo = Person("cleo")
    changed = views.replace(cleo, "p", shared.id, view("Failures", shared=True))
    assert (changed.version, changed.mine, changed.updated_by) == (2, False, "cleo")
    with pytest.raises(PermissionDenied, match="makes it private"):
        views.replace(cleo, "p", shared.id, view())
    assert views.replace(ADA, "p", shared.id, view(), expected="2").document.shared is False
    assert names(views, cleo) == []


def test_a_persons_views_are_theirs_with_any_of_their_keys(views):
    views.create(ADA, "p", view())
    assert names(views, Key(user="ada")) == [("Errors", True)]
    assert names(views, Key()) == []
    views.create(Key(), "p", view("of the key"))
    assert names(views, Key()) == [("of the key", True)]


def test_a_write_on_top_of_an_older_version_is_refused(views):
    made = views.create(ADA, "p", view())
    views.replace(ADA, "p", made.id, view("Other"), expected="1")
    with pytest.raises(PreconditionFailed, match="Version 1 was expected, and it is in version 2"):
        views.replace(ADA, "p", made.id, view(), expected="1")
    with pytest.raises(PreconditionFailed):
        views.delete(ADA, "p", made.id, expected="1")
    views.delete(ADA, "p", made.id, expected="2")
    assert names(views, ADA) == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"q": "latency>2"}, "q"),
        ({"columns": ["x"] * 61}, "columns"),
        ({"columns": ["x" * 201]}, "columns"),
        ({"sort": "x" * 201}, "sort"),
        ({"window": 0}, "window"),
    ],
)
def test_a_view_that_cannot_be_shown_is_refused(views, wrong, field):
    with pytest.raises(InvalidInput) as caught:
        views.create(ADA, "p", view(**{"name": "x", **wrong}))
    assert caught.value.field == field


def test_there_is_an_end_to_how_many_there_are(views, monkeypatch):
    monkeypatch.setattr("penstock.tracing.views.service.MAX_VIEWS", 1)
    views.create(ADA, "p", view())
    with pytest.raises(Conflict, match="1 saved views"):
        views.create(ADA, "p", view())
