import pytest

from artifacts_harness import ADMIN, EDITOR, VIEWER, principal
from penstock.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied, PreconditionFailed


@pytest.fixture
def labels(registry):
    for number in range(1, 4):
        registry.save(body={"n": number})
    return registry.service.labels


def where(registry, label="production"):
    return {one.name: one.version for one in registry.service.catalog.get(registry.ref()).labels}.get(label)


def test_a_label_moves_with_who_when_and_why(registry, labels):
    ref = registry.ref()
    labels.move(ADMIN, ref, "production", version="1", reason="first")
    registry.clock.advance(60)
    labels.move(ADMIN, ref, "production", version="latest", reason="better")
    history = labels.history(ref, "production")
    assert [(one.before, one.after, one.reason, one.actor, one.action) for one in history] == [
        (1, 3, "better", "admin", "move"),
        (None, 1, "first", "admin", "move"),
    ]
    assert history[0].at - history[1].at == 60_000_000
    assert labels.history(ref, before=history[0].id, limit=1) == [history[1]]
    assert registry.service.versions.get(ref, "production").number == 3


def test_a_label_that_stands_there_already_makes_no_history(registry, labels):
    labels.move(ADMIN, registry.ref(), "staging", version="2")
    labels.move(ADMIN, registry.ref(), "staging", version="2")
    assert len(labels.history(registry.ref(), "staging")) == 1


def test_a_label_may_be_put_where_another_one_stands(registry, labels):
    labels.move(ADMIN, registry.ref(), "staging", version="2")
    assert labels.move(ADMIN, registry.ref(), "production", version="staging").version == 2


def test_a_rollback_is_one_call_and_another_goes_one_step_further_back(registry, labels):
    """FAILURES E10"""
    ref = registry.ref()
    for version in ("1", "2", "3"):
        labels.move(ADMIN, ref, "production", version=version)
    assert labels.rollback(ADMIN, ref, "production", reason="worse").version == 2
    assert labels.rollback(ADMIN, ref, "production").version == 1
    with pytest.raises(Conflict) as caught:
        labels.rollback(ADMIN, ref, "production")
    assert caught.value.code == "nothing_before"
    labels.move(ADMIN, ref, "production", version="3")
    assert labels.rollback(ADMIN, ref, "production").version == 1


def test_a_label_that_was_taken_away_comes_back_by_a_rollback(registry, labels):
    ref = registry.ref()
    labels.move(ADMIN, ref, "staging", version="2")
    labels.remove(ADMIN, ref, "staging", reason="unused")
    assert where(registry, "staging") is None
    assert labels.rollback(ADMIN, ref, "staging").version == 2
    with pytest.raises(NotFound, match="has no label nowhere"):
        labels.remove(ADMIN, ref, "nowhere")
    with pytest.raises(NotFound):
        labels.rollback(ADMIN, ref, "nowhere")


def test_a_label_is_moved_only_from_where_it_was_expected(registry, labels):
    ref = registry.ref()
    labels.move(ADMIN, ref, "staging", version="1", expected=0)
    labels.move(ADMIN, ref, "staging", version="2", expected=1)
    for expected in (0, 1, 3):
        with pytest.raises(PreconditionFailed) as caught:
            labels.move(ADMIN, ref, "staging", version="3", expected=expected)
        assert caught.value.code == "label_moved"
    with pytest.raises(PreconditionFailed, match="stands nowhere"):
        labels.move(ADMIN, ref, "canary", version="3", expected=1)


@pytest.mark.parametrize("label", ["latest", "", "12", "Production", "a/b", "x" * 64, "a" * 64, "-a"])
def test_what_cannot_be_a_label_is_refused(registry, labels, label):
    with pytest.raises(InvalidInput):
        labels.move(ADMIN, registry.ref(), label, version="1")


def test_an_editor_moves_what_is_not_protected(registry, labels):
    """FAILURES S1, S23"""
    ref = registry.ref()
    assert labels.move(EDITOR, ref, "staging", version="1").protected is False
    for act in (
        lambda: labels.move(EDITOR, ref, "production", version="1"),
        lambda: labels.rollback(EDITOR, ref, "production"),
        lambda: labels.remove(EDITOR, ref, "production"),
    ):
        with pytest.raises(PermissionDenied) as caught:
            act()
        assert caught.value.code == "label_protected"
        assert "prompts:promote:production" in caught.value.message
    with pytest.raises(PermissionDenied, match="prompts:write"):
        labels.move(VIEWER, ref, "staging", version="2")


def test_a_key_for_one_label_moves_that_one_only(registry, labels):
    ref = registry.ref()
    labels.protect(ADMIN, "p1", "prompt", ["production", "staging"])
    releaser = principal("prompts:read", "prompts:promote:staging")
    assert labels.move(releaser, ref, "staging", version="2").protected is True
    for label in ("production", "canary"):
        with pytest.raises(PermissionDenied):
            labels.move(releaser, ref, label, version="2")


def test_a_permission_of_another_kind_or_project_moves_nothing(registry, labels):
    """FAILURES S39"""
    for actor in (principal("models:promote"), principal("prompts:promote", project="p2")):
        with pytest.raises(PermissionDenied):
            labels.move(actor, registry.ref(), "production", version="1")


def test_who_may_not_promote_everything_does_not_say_what_is_protected(registry, labels):
    for actor in (EDITOR, principal("prompts:write", "prompts:promote:production")):
        with pytest.raises(PermissionDenied):
            labels.protect(actor, "p1", "prompt", [])
    assert labels.protection("p1", "prompt").labels == ["production"]
    assert labels.protect(ADMIN, "p1", "prompt", ["b", "a", "a"]).labels == ["a", "b"]
    assert labels.protection("p2", "prompt").labels == ["production"]
    labels.move(EDITOR, registry.ref(), "production", version="1")
    with pytest.raises(Conflict):
        labels.protect(ADMIN, "p1", "prompt", [f"l{i}" for i in range(60)])


def test_gateways_learn_of_a_label_that_moved_and_of_nothing_else(registry, labels):
    """FAILURES E10, G21"""
    assert registry.published == []
    labels.move(ADMIN, registry.ref(), "production", version="1")
    assert len(registry.published) == 1
    registry.save(body={"n": 9})
    assert len(registry.published) == 1


def test_labelled_versions_are_read_anew_only_when_something_changed(registry, labels):
    labelled = registry.service.labelled
    assert labelled("prompt") == []
    labels.move(ADMIN, registry.ref(), "production", version="1")
    labels.move(ADMIN, registry.ref(), "staging", version="3")
    first = labelled("prompt")
    assert [(one.project, one.name, one.label, one.version, one.body) for one in first] == [
        ("p1", "greeting", "production", 1, {"n": 1}),
        ("p1", "greeting", "staging", 3, {"n": 3}),
    ]
    assert labelled("prompt") is first
    assert labelled("model") == []
    labels.move(ADMIN, registry.ref(), "staging", version="1")
    again = labelled("prompt")
    assert [one.version for one in again] == [1, 1]
    registry.service.catalog.archive(ADMIN, registry.ref(), archived=True)
    assert labelled("prompt") == []


def test_a_key_never_grants_more_labels_than_its_creator_may_move():
    """FAILURES S2, S3"""
    general, one = principal("prompts:promote").grants, principal("prompts:promote:staging").grants
    assert general.covers(one)
    assert not one.covers(general)
    assert (general & one).everywhere == {"prompts:promote:staging"}
    assert (principal("prompts:promote:production").grants & one).everywhere == frozenset()
    assert not principal("prompts:promote").may("models:promote:staging", "p1")
    assert not principal("prompts:write").may("prompts:write:x", "p1")
