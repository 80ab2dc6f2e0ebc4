import pytest

from artifacts_harness import ADMIN, EDITOR
from penstock.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from penstock.registry.artifacts.types import Changed, Listing, NewArtifact, Ref


def names(registry, kind="prompt", project="p1", **what):
    items, cursor = registry.service.catalog.listed(project, kind, Listing(**what))
    return [one.name for one in items], cursor


def test_a_list_goes_on_where_a_page_ended(registry):
    for number in range(5):
        registry.clock.advance(1)
        registry.save(f"p{number}")
    first, cursor = names(registry, limit=2)
    second, cursor = names(registry, limit=2, cursor=cursor)
    last, end = names(registry, limit=2, cursor=cursor)
    assert (first, second, last, end) == (["p0", "p1"], ["p2", "p3"], ["p4"], None)
    first, cursor = names(registry, sort="updated", limit=3)
    rest, end = names(registry, sort="updated", limit=3, cursor=cursor)
    assert (first, rest, end) == (["p4", "p3", "p2"], ["p1", "p0"], None)


def test_a_list_is_narrowed_by_folder_tag_and_label(registry):
    catalog = registry.service.catalog
    catalog.create(ADMIN, "p1", "prompt", NewArtifact(name="support/hello", tags=["b", "a", "a"]))
    registry.save("support/hello")
    registry.save("supporters")
    registry.save("model", kind="model", body={"target": "a/b"})
    registry.service.labels.move(ADMIN, registry.ref("support/hello"), "staging", version="1")
    assert names(registry, folder="support")[0] == ["support/hello"]
    assert names(registry, tag="a")[0] == ["support/hello"]
    assert names(registry, tag="c")[0] == []
    assert names(registry, label="staging")[0] == ["support/hello"]
    assert names(registry, label="latest")[0] == ["support/hello", "supporters"]
    assert catalog.get(Ref("p1", "prompt", "support:hello")).tags == ["a", "b"]


def test_a_search_looks_into_name_description_and_the_text_of_the_head(registry):
    registry.save("refunds", body={"messages": [{"role": "system", "content": "Answer about MONEY back."}]})
    registry.save("other", body={"text": "nothing of the kind 100% sure_thing"})
    registry.service.catalog.change(ADMIN, registry.ref("other"), Changed(description="Zahlungen für Kunden"))
    assert names(registry, q="money answer")[0] == ["refunds"]
    assert names(registry, q="Für kunden")[0] == ["other"]
    assert names(registry, q="fund")[0] == ["refunds"]
    assert names(registry, q="100%")[0] == ["other"]
    assert names(registry, q="sure_thing")[0] == ["other"]
    assert names(registry, q="sureXthing")[0] == []
    registry.save("refunds", body={"text": "something else"})
    assert names(registry, q="money")[0] == []


def test_another_projects_artifacts_are_not_there(registry):
    """FAILURES S39"""
    theirs = registry.save("theirs", project="p2")
    assert names(registry)[0] == []
    for name in ("theirs", theirs.artifact):
        with pytest.raises(NotFound) as caught:
            registry.service.catalog.get(registry.ref(name))
        assert caught.value.code == "artifact_not_found"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "A",
        "/a",
        "a/",
        "a//b",
        "a/../b",
        "a/.b",
        ".a",
        "a b",
        "a" * 129,
        "a.",
        "0190b6e2-7c1f-7a51-89b9-05b95b430bf6",
        "é",
    ],
)
def test_a_name_that_could_be_no_file_or_address_is_refused(registry, name):
    """FAILURES S18, S30"""
    with pytest.raises(InvalidInput) as caught:
        registry.service.catalog.create(ADMIN, "p1", "prompt", NewArtifact(name=name))
    assert caught.value.field == "name"


@pytest.mark.parametrize(
    "changed",
    [{"tags": ["A b"]}, {"tags": [f"t{i}" for i in range(51)]}, {"description": "x" * 2001}, {"description": "\x00"}],
)
def test_what_does_not_fit_is_named(registry, changed):
    registry.save()
    with pytest.raises(InvalidInput) as caught:
        registry.service.catalog.change(ADMIN, registry.ref(), Changed(**changed))
    assert caught.value.field == next(iter(changed))


@pytest.mark.parametrize(
    "listing", [{"limit": 0}, {"limit": 201}, {"sort": "updated", "cursor": "x"}, {"sort": "updated", "cursor": "1:"}]
)
def test_a_page_that_cannot_be_is_refused(registry, listing):
    with pytest.raises(InvalidInput):
        names(registry, **listing)


def test_a_name_is_taken_once_for_each_kind(registry):
    registry.save("x")
    registry.save("x", kind="evaluator")
    with pytest.raises(Conflict) as caught:
        registry.service.catalog.create(ADMIN, "p1", "prompt", NewArtifact(name="x"))
    assert caught.value.code == "artifact_exists"


def test_an_archived_artifact_is_read_and_not_changed(registry):
    registry.save(body={"a": 1})
    catalog, ref = registry.service.catalog, registry.ref()
    assert catalog.archive(ADMIN, ref, archived=True).archived is not None
    assert (names(registry)[0], names(registry, archived=True)[0]) == ([], ["greeting"])
    assert registry.service.versions.get(ref).body == {"a": 1}
    for act in (
        lambda: registry.save(body={"a": 2}),
        lambda: registry.service.labels.move(ADMIN, ref, "staging", version="1"),
        lambda: catalog.change(ADMIN, ref, Changed(tags=["x"])),
    ):
        with pytest.raises(Conflict) as caught:
            act()
        assert caught.value.code == "artifact_archived"
    assert catalog.archive(ADMIN, ref, archived=False).archived is None
    registry.save(body={"a": 2})


def test_what_production_serves_is_archived_only_by_who_may_promote(registry):
    registry.save()
    registry.service.labels.move(ADMIN, registry.ref(), "production", version="1")
    with pytest.raises(PermissionDenied):
        registry.service.catalog.archive(EDITOR, registry.ref(), archived=True)


def test_every_write_is_in_the_audit_with_who_did_it(registry):
    registry.save(body={"a": 1}, actor=EDITOR)
    registry.service.labels.move(ADMIN, registry.ref(), "production", version="1", reason="go")
    registry.service.comments.add(EDITOR, registry.ref(), text="nice", version="1")
    with registry.metadata.read() as connection:
        rows = connection.exec_driver_sql("SELECT action, actor_name, project FROM audit ORDER BY id").all()
    assert [tuple(row) for row in rows] == [
        ("artifact.created", "editor", "p1"),
        ("version.created", "editor", "p1"),
        ("label.moved", "admin", "p1"),
        ("comment.created", "editor", "p1"),
    ]


def test_comments_are_about_the_artifact_or_one_version(registry):
    registry.save(body={"a": 1})
    registry.save(body={"a": 2})
    comments, ref = registry.service.comments, registry.ref()
    about = comments.add(EDITOR, ref, text="general")
    comments.add(EDITOR, ref, text="of one", version="1")
    assert [(one.text, one.version, one.actor) for one in comments.listed(ref)] == [
        ("of one", 1, "editor"),
        ("general", None, "editor"),
    ]
    assert [one.text for one in comments.listed(ref, version="1")] == ["of one"]
    assert comments.listed(ref, version="2") == []
    assert comments.listed(ref, limit=1, before=about.id) == []
    with pytest.raises(InvalidInput):
        comments.add(EDITOR, ref, text="  ")
