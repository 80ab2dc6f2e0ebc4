"""Routes are served with the versions that their references stand for (FAILURES E7, E10)."""

import msgspec
import pytest

from penstock.registry.prompts.serving import serve_prompts
from penstock.wire.routing import PromptUse, RouteEntry, Use, Variant
from penstock.wire.snapshot import ProjectEntry, Snapshot

PROJECTS = {"p1": ProjectEntry(id="p1", name="default"), "p2": ProjectEntry(id="p2", name="other")}


def route(reference, *, name="r", project="p1"):
    variant = Variant(name="v", models=("p/m",), prompt=PromptUse(reference=reference))
    return RouteEntry(name=name, project=project, version="v", variants={"v": variant}, strategy=Use(variant="v"))


def serve(routes, versions, served=None):
    return serve_prompts(routes, versions, projects=PROJECTS, served=served)


def test_a_label_becomes_the_version_it_stands_at(versions):
    versions.put("a", {"text": "one"}, "production")
    made = serve({"r": route("a")}, versions)
    use = made.routes["r"].variants["v"].prompt
    assert (use.name, use.version, use.digest, use.reference) == ("a", 1, "a1", "a")
    assert made.prompts[use.key].prompt.text == "one"
    assert made.warnings == []


def test_a_label_that_moved_changes_the_routes_version(versions):
    """FAILURES G23: what alters an answer is part of what the cache goes by."""
    versions.put("a", {"text": "one"}, "production")
    before = serve({"r": route("a@production")}, versions).routes["r"]
    versions.put("a", {"text": "two"}, "production", version=2)
    after = serve({"r": route("a@production")}, versions).routes["r"]
    assert before.version != after.version
    assert after.variants["v"].prompt.version == 2
    pinned = serve({"r": route("a@1")}, versions).routes["r"]
    assert pinned.variants["v"].prompt.version == 1


def test_what_several_routes_serve_is_looked_up_and_carried_once(versions):
    versions.put("a", {"text": "one"}, "production")
    made = serve({name: route("a", name=name) for name in ("r", "s", "t")}, versions)
    assert (len(made.prompts), versions.asked) == (1, 1)


def test_a_route_whose_prompt_was_never_there_is_left_out_and_the_others_serve(versions):
    versions.put("a", {"text": "one"}, "production")
    made = serve({"r": route("gone@staging"), "s": route("a", name="s")}, versions)
    assert list(made.routes) == ["s"]
    assert made.warnings == ["The route r is not served: The prompt gone has no version staging."]


def test_a_prompt_that_is_gone_goes_on_being_served(versions):
    versions.put("a", {"text": "one"}, "production")
    first = serve({"r": route("a")}, versions)
    snapshot = Snapshot(version=1, created=1, routes=first.routes, prompts=first.prompts)
    versions.stored.clear()
    made = serve({"r": route("a")}, versions, snapshot)
    assert (made.routes, made.prompts) == (first.routes, first.prompts)
    assert "goes on with version 1 of a" in made.warnings[0]
    # Another reference was never served, and an earlier one does not stand in for it.
    assert serve({"r": route("a@staging")}, versions, snapshot).routes == {}
    without = msgspec.structs.replace(snapshot, prompts={})
    assert serve({"r": route("a")}, versions, without).routes == {}


@pytest.mark.parametrize(
    ("reference", "project", "text"),
    [
        ("a", "p1", "default's"),
        ("a", "p2", "other's"),
        ("a", None, "default's"),
        ("other:a", None, "other's"),
        ("p2:a", None, "other's"),
        ("default:a", "p1", "default's"),
        ("other:a", "p1", None),
        ("nowhere:a", None, None),
    ],
)
def test_a_route_serves_the_prompts_of_its_own_project(versions, reference, project, text):
    """A route of one project must not show the prompts of another (FAILURES S39)."""
    versions.put("a", {"text": "default's"}, "production", project="p1")
    versions.put("a", {"text": "other's"}, "production", project="p2")
    made = serve({"r": route(reference, project=project)}, versions)
    assert [one.prompt.text for one in made.prompts.values()] == ([text] if text else [])
    assert bool(made.warnings) == (text is None)


def test_without_a_registry_a_route_with_a_prompt_is_not_served():
    plain = RouteEntry(
        name="s", version="v", variants={"v": Variant(name="v", models=("p/m",))}, strategy=Use(variant="v")
    )
    made = serve({"r": route("a"), "s": plain}, None)
    assert made.routes == {"s": plain}
    assert "no prompts are stored" in made.warnings[0]
