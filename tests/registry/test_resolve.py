"""Names of projects and keys in routes and limits."""

from typer.testing import CliRunner

from penstock.cli.commands.config import app
from penstock.registry.snapshot import config_of
from penstock.wire.snapshot import ProjectEntry

PROVIDERS = "providers: {gpu: {kind: openai, base_url: 'http://127.0.0.1:1/v1', models: [m]}}\n"
FILE = f"""{PROVIDERS}
routes:
  mine: {{project: default, strategy: gpu/m}}
  all: {{strategy: gpu/m}}
limits:
  - {{name: keyed, on: key, match: ci, project: default, parallel: 1}}
  - {{name: whole, on: project, match: default, parallel: 2}}
"""


def test_names_are_ids_in_the_snapshot(make_registry, write, identity):
    write(FILE)
    identity.add("ci")
    snapshot = make_registry().start()
    assert set(snapshot.routes) == {"p1/mine", "all"}
    assert snapshot.routes["p1/mine"].project == "p1"
    assert [(limit.name, limit.match, limit.project) for limit in snapshot.limits] == [
        ("keyed", "id-ci", "p1"),
        ("whole", "p1", None),
    ]


def test_ids_may_be_written_too(make_registry, write, identity):
    write(FILE.replace("project: default", "project: p1").replace("match: ci", "match: id-ci"))
    identity.add("ci")
    snapshot = make_registry().start()
    assert "p1/mine" in snapshot.routes
    assert snapshot.limits[0].match == "id-ci"


def test_what_is_for_something_unknown_is_left_out_with_a_warning_until_it_is_known(make_registry, write, identity):
    write(FILE.replace("project: default, strategy", "project: defualt, strategy"))
    registry = make_registry()
    snapshot = registry.start()
    assert set(snapshot.routes) == {"all"}
    assert [limit.name for limit in snapshot.limits] == ["whole"]
    assert registry.state().warnings == [
        "routes.mine is not served: no project is called 'defualt'. Did you mean 'default'?",
        "limits.keyed limits nothing: no key is called 'ci'.",
    ]
    identity.add("ci")
    identity.projects["p2"] = ProjectEntry(id="p2", name="defualt")
    snapshot = registry.publish()
    assert set(snapshot.routes) == {"all", "p2/mine"}
    assert len(snapshot.limits) == 2
    assert registry.state().warnings == []


def test_a_limit_holds_for_each_of_several_keys_of_its_name(make_registry, write, identity):
    write(FILE)
    identity.add("ci")
    identity.keys["other"] = identity.keys["ci"].__class__(id="id-2", name="ci", project="p1")
    registry = make_registry()
    assert [limit.match for limit in registry.start().limits] == ["id-ci", "id-2", "p1"]
    assert registry.state().warnings == ["limits.keyed holds for each of 2 keys of that name."]


def test_a_key_of_another_project_is_not_meant(make_registry, write, identity):
    write(FILE)
    identity.add("ci")
    identity.projects["p2"] = ProjectEntry(id="p2", name="second")
    identity.keys["other"] = identity.keys["ci"].__class__(id="id-2", name="ci", project="p2")
    assert [limit.match for limit in make_registry().start().limits] == ["id-ci", "p1"]


def test_a_bad_file_at_a_later_start_leaves_its_routes_and_limits_serving(make_registry, write, identity):
    write(FILE)
    identity.add("ci")
    first = make_registry().start()
    write("providers: {gpu: {kind: opena}}")
    again = make_registry().start()
    assert (again.version, again.routes, again.limits) == (first.version, first.routes, first.limits)


def test_what_is_served_does_not_differ_from_its_own_file(make_registry, write, identity, home):
    write(FILE)
    identity.add("ci")
    snapshot = make_registry().start()
    assert set(config_of(snapshot).routes) == {"mine", "all"}
    result = CliRunner().invoke(app, ["diff", "--home", str(home.path)])
    assert (result.exit_code, result.stdout) == (0, "")
    write(FILE.replace("parallel: 1", "parallel: 3"))
    result = CliRunner().invoke(app, ["diff", "--home", str(home.path)])
    assert result.stdout == "~ limits.keyed.parallel: 1 → 3\n"
