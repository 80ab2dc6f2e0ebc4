import pytest

from artifacts_harness import ADMIN
from penstock.core.errors import Conflict, InvalidInput, NotFound, PreconditionFailed, TooLarge
from penstock.registry.artifacts.types import Merge


def test_a_first_save_makes_the_artifact_its_main_branch_and_version_1(registry):
    saved = registry.save(body={"text": "Hello"}, message="first")
    assert (saved.number, saved.outcome, saved.branch, saved.parent, saved.labels) == (
        1,
        "created",
        "main",
        None,
        ["latest"],
    )
    artifact = registry.service.catalog.get(registry.ref())
    assert (artifact.head, artifact.versions, [branch.name for branch in artifact.branches]) == (1, 1, ["main"])


def test_saving_what_the_head_already_is_makes_no_version(registry):
    first = registry.save(body={"a": 1, "b": 2})
    again = registry.save(body={"b": 2, "a": 1})
    assert (again.number, again.outcome, again.digest) == (1, "unchanged", first.digest)


def test_going_back_to_an_older_content_is_a_version_of_the_same_digest(registry):
    one = registry.save(body={"a": 1})
    registry.save(body={"a": 2})
    back = registry.save(body={"a": 1})
    assert (back.number, back.digest, back.parent) == (3, one.digest, 2)
    assert registry.service.versions.get(registry.ref(), f"sha256:{one.digest}").number == 3
    assert registry.service.versions.get(registry.ref(), f"sha256:{one.digest[:12]}").number == 3


def test_a_save_on_top_of_what_has_changed_is_refused(registry):
    first = registry.save(body={"a": 1}, expected="")
    registry.save(body={"a": 2}, expected=f"sha256:{first.digest}")
    with pytest.raises(PreconditionFailed) as caught:
        registry.save(body={"a": 3}, expected=first.digest)
    assert caught.value.code == "head_moved"
    with pytest.raises(PreconditionFailed):
        registry.save(body={"a": 3}, expected="")
    with pytest.raises(PreconditionFailed, match="has no version"):
        registry.save("other", body={"a": 3}, expected=first.digest)


def test_the_same_content_of_two_kinds_has_two_digests(registry):
    body = {"target": "openai/gpt", "description": "x"}
    assert registry.save(body=body).digest != registry.save("m", body=body, kind="model").digest


def test_a_branch_goes_its_own_way_and_is_merged_with_two_parents(registry):
    registry.save(body={"a": 1})
    registry.service.versions.branch(ADMIN, registry.ref(), name="shorter", version="1")
    theirs = registry.save(body={"a": 2}, branch="shorter")
    assert (theirs.number, theirs.parent) == (2, 1)
    assert registry.service.versions.get(registry.ref()).number == 1
    merged = registry.service.versions.merge(ADMIN, registry.ref(), "shorter", Merge())
    assert (merged.number, merged.parent, merged.merged, merged.body, merged.branch) == (3, 1, 2, {"a": 2}, "main")
    assert merged.message == "Merge shorter"
    assert (
        registry.service.versions.merge(ADMIN, registry.ref(), "shorter", Merge(expected=merged.digest)).outcome
        == "unchanged"
    )
    assert [one.number for one in registry.service.versions.listed(registry.ref(), branch="shorter")] == [2]
    assert registry.service.versions.get(registry.ref(), "branch:shorter").number == 2


def test_a_branch_that_does_not_hold_what_main_has_is_merged_only_by_somebody_who_says_how(registry):
    registry.save(body={"a": 1})
    registry.service.versions.branch(ADMIN, registry.ref(), name="b", version="latest")
    registry.save(body={"a": 2}, branch="b")
    ours = registry.save(body={"a": 3})
    with pytest.raises(PreconditionFailed) as caught:
        registry.service.versions.merge(ADMIN, registry.ref(), "b", Merge())
    assert caught.value.code == "head_moved"
    merged = registry.service.versions.merge(ADMIN, registry.ref(), "b", Merge(body={"a": 5}, expected=ours.digest))
    assert (merged.body, merged.parent, merged.merged) == ({"a": 5}, 3, 2)


def test_what_cannot_be_merged_or_branched_says_so(registry):
    versions, ref = registry.service.versions, registry.ref()
    registry.save(body={"a": 1})
    with pytest.raises(InvalidInput):
        versions.merge(ADMIN, ref, "main", Merge())
    with pytest.raises(NotFound, match="no branch nowhere"):
        versions.merge(ADMIN, ref, "nowhere", Merge())
    with pytest.raises(NotFound, match="no branch nowhere"):
        registry.save(body={"a": 2}, branch="nowhere")
    with pytest.raises(Conflict) as caught:
        versions.branch(ADMIN, ref, name="main", version="1")
    assert caught.value.code == "branch_exists"


@pytest.mark.parametrize("version", ["2", "0", "production", "branch:nowhere", "sha256:00000000", "0" * 64, "x y"])
def test_a_version_that_is_not_there_is_named(registry, version):
    registry.save(body={"a": 1})
    with pytest.raises(NotFound) as caught:
        registry.service.versions.get(registry.ref(), version)
    assert caught.value.code == "version_not_found"


def test_nothing_is_made_of_an_artifact_that_does_not_exist_unless_asked(registry):
    with pytest.raises(NotFound) as caught:
        registry.save(create=False)
    assert caught.value.code == "artifact_not_found"
    with pytest.raises(NotFound) as caught:
        registry.save(kind="poem")
    assert caught.value.code == "kind_not_found"


def test_a_body_over_ten_megabytes_is_refused(registry):
    with pytest.raises(TooLarge):
        registry.save(body={"text": "x" * 10 * 1024 * 1024})


def test_a_large_body_is_kept_small_and_comes_back_whole(registry):
    body = {"rows": [f"row {i}" for i in range(20_000)]}
    registry.save(body=body)
    assert registry.service.versions.get(registry.ref()).body == body
    with registry.metadata.read() as connection:
        size, stored, encoding = connection.exec_driver_sql(
            "SELECT size, length(data), encoding FROM artifact_blobs"
        ).one()
    assert (encoding, stored < size / 3) == ("zlib", True)


def test_versions_are_listed_newest_first_in_pages(registry):
    for number in range(5):
        registry.save(body={"n": number})
    first = registry.service.versions.listed(registry.ref(), limit=2)
    rest = registry.service.versions.listed(registry.ref(), before=first[-1].number)
    assert [one.number for one in (*first, *rest)] == [5, 4, 3, 2, 1]
    assert first[0].labels == ["latest"]


def test_two_versions_are_compared_in_the_form_of_the_kind(registry):
    registry.save(body={"text": "one\ntwo", "t": 1})
    registry.save(body={"text": "one\nthree", "t": 1.5})
    found = registry.service.versions.diff(registry.ref(), before="1", after="latest")
    assert [one["type"] for one in found.differences] == ["text", "json"]
    assert registry.service.versions.diff(registry.ref(), before="2", after="latest").differences == []
    proposed = registry.service.versions.propose(registry.ref(), {"text": "one\nthree", "t": 2})
    assert [one["path"] for one in proposed.differences] == ["t"]
    assert registry.service.versions.propose(registry.ref(), {"text": "one\nthree", "t": 1.5}).differences == []
