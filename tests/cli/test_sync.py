"""`penstock pull`, `push` and `diff` against a real registry."""

import json
import shutil
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts_harness import ADMIN, EDITOR, KeepingSender, MemoryVault, Registry, ServedConsole
from penstock.cli.main import run
from penstock.core.clock import ManualClock
from penstock.core.ids import RandomIds
from penstock.registry.artifacts.service import ArtifactService
from penstock.store.metadata import open_metadata
from penstock.store.metadata.schema import organizations, projects


@pytest.fixture(scope="module")
def made_store(tmp_path_factory):
    path = tmp_path_factory.mktemp("metadata") / "metadata.db"
    store = open_metadata(path)
    with store.write() as connection:
        connection.execute(organizations.insert().values(id="o", name="o", created=1))
        connection.execute(projects.insert().values(id="p1", organization="o", name="p1", created=1))
    store.close()
    return path


@pytest.fixture
def registry(tmp_path, made_store):
    path = tmp_path / "metadata.db"
    shutil.copyfile(made_store, path)
    metadata = open_metadata(path)
    clock = ManualClock()
    vault, sender = MemoryVault(), KeepingSender()
    service = ArtifactService(metadata, clock=clock, ids=RandomIds(clock), vault=vault, sender=sender)
    yield Registry(service, clock, vault, sender, metadata, [])
    metadata.close()


@pytest.fixture
def console(registry, monkeypatch):
    served = ServedConsole(registry, ADMIN)
    for module in ("sync", "artifacts", "webhooks"):
        monkeypatch.setattr(f"penstock.cli.commands.{module}.connect", lambda *_, **__: served)
    return served


@pytest.fixture
def folder(tmp_path, monkeypatch):
    place = tmp_path / "repository"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def penstock(console, folder, monkeypatch, capsys):
    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["penstock", *arguments])
        with pytest.raises(SystemExit) as ended:
            run()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return command


MODEL = {"target": "openai/gpt-5", "parameters": {"temperature": 0.5}, "description": "one\ntwo\n"}


def save(registry, name="fast", **changed):
    return registry.save(name, kind="model", body={**MODEL, **changed})


def test_what_was_pulled_is_readable_and_pushing_it_back_saves_nothing(registry, penstock, folder):
    save(registry, "team/fast")
    assert penstock("pull")[0] == 0
    text = (folder / "models/team/fast.yaml").read_text()
    assert "target: openai/gpt-5\n" in text
    assert "description: |\n  one\n  two\n" in text
    lock = json.loads((folder / "penstock.lock").read_text())
    assert lock["artifacts"]["models/team/fast"]["version"] == 1
    assert penstock("push") == (0, "", "Nothing to save: no file was changed.\n")
    assert penstock("diff")[0] == 0
    assert "Nothing changes" in penstock("pull")[2]


def test_an_edited_file_becomes_the_next_version_with_its_message_and_label(registry, penstock, folder):
    save(registry)
    penstock("pull")
    file = folder / "models/fast.yaml"
    file.write_text(file.read_text().replace("gpt-5", "gpt-6"))
    assert penstock("push", "--dry-run")[0] == 1
    code, out, _ = penstock("push", "-m", "newer", "--label", "staging")
    assert (code, out) == (0, "> models/fast @ 2\n")
    version = registry.service.versions.get(registry.ref("fast", kind="model"), "staging")
    assert (version.number, version.message, version.body["target"]) == (2, "newer", "openai/gpt-6")
    assert penstock("diff")[0] == 0


def test_a_new_file_becomes_a_new_artifact(registry, penstock, folder):
    (folder / "models/a").mkdir(parents=True)
    (folder / "models/a/b.yaml").write_text("target: x/y\n")
    assert penstock("push", "models/a")[1] == "+ models/a/b @ 1\n"
    assert registry.service.versions.get(registry.ref("a/b", kind="model")).body == {"target": "x/y"}


def test_a_push_over_what_changed_on_the_server_is_refused_names_it_and_shows_the_diff(registry, penstock, folder):
    save(registry)
    save(registry, "other")
    penstock("pull")
    save(registry, target="openai/theirs")
    for name in ("fast", "other"):
        (folder / f"models/{name}.yaml").write_text("target: openai/mine\n")
    code, out, err = penstock("push")
    assert (code, out) == (1, "")
    assert "! models/fast: changed here, and on the server since version 1: it is at 2 now." in err
    assert "-target: openai/theirs" in err
    assert "+target: openai/mine" in err
    # Nothing at all was saved, not even what is in no conflict.
    assert registry.service.catalog.get(registry.ref("other", kind="model")).versions == 1
    assert json.loads(penstock("push", "--json")[1])["conflicts"][0]["name"] == "fast"
    assert penstock("push", "models/other")[0] == 0
    assert penstock("push", "--force")[1] == "! models/fast @ 3\n"
    assert registry.service.versions.get(registry.ref("fast", kind="model")).body == {"target": "openai/mine"}


def test_a_pull_leaves_what_was_changed_here_unless_it_is_told(registry, penstock, folder):
    save(registry)
    penstock("pull")
    file = folder / "models/fast.yaml"
    file.write_text("target: openai/mine\n")
    assert penstock("pull")[0] == 0
    save(registry, target="openai/theirs")
    code, _, err = penstock("pull")
    assert (code, file.read_text()) == (1, "target: openai/mine\n")
    assert "! models/fast" in err
    assert penstock("pull", "--overwrite")[0] == 0
    assert "openai/theirs" in file.read_text()
    assert penstock("push")[2] == "Nothing to save: no file was changed.\n"


def test_a_change_on_the_server_alone_is_pulled(registry, penstock, folder):
    save(registry)
    penstock("pull")
    save(registry, target="openai/theirs")
    assert penstock("diff")[1].startswith("< models/fast: behind")
    assert penstock("push")[0] == 0
    assert penstock("pull")[1] == "< models/fast\n"
    assert penstock("diff")[0] == 0


def test_the_same_change_on_both_sides_is_no_conflict(registry, penstock, folder):
    save(registry)
    penstock("pull")
    (folder / "models/fast.yaml").write_text("target: openai/same\n")
    registry.save("fast", kind="model", body={"target": "openai/same"})
    assert penstock("push")[0] == 0
    assert json.loads((folder / "penstock.lock").read_text())["artifacts"]["models/fast"]["version"] == 2


def test_a_file_that_was_deleted_and_an_artifact_that_was_archived_are_told_of(registry, penstock, folder):
    save(registry)
    save(registry, "gone")
    penstock("pull")
    (folder / "models/fast.yaml").unlink()
    registry.service.catalog.archive(ADMIN, registry.ref("gone", kind="model"), archived=True)
    code, _, err = penstock("pull")
    assert code == 0
    assert "- models/fast: deleted here" in err
    assert "x models/gone" in err
    assert [one["state"] for one in json.loads(penstock("diff", "--json")[1])] == ["deleted here", "gone there"]
    assert penstock("pull", "--overwrite")[1] == "< models/fast\n"
    (folder / "models/gone.yaml").unlink()
    penstock("pull")
    assert "models/gone" not in json.loads((folder / "penstock.lock").read_text())["artifacts"]


def test_a_folder_that_was_never_pulled_is_taken_for_what_it_says(registry, penstock, folder):
    save(registry)
    (folder / "models").mkdir()
    (folder / "models/fast.yaml").write_text("target: openai/mine\n")
    code, _, err = penstock("push")
    assert (code, "which was never pulled" in err) == (1, True)


def test_a_file_that_cannot_be_read_is_named_before_anything_is_saved(registry, penstock, folder):
    (folder / "models").mkdir()
    (folder / "models/a.yaml").write_text("target: x/y\n")
    (folder / "models/b.yaml").write_text("target: nothing\n")
    code, _, err = penstock("push")
    assert (code, "models/b.yaml: body.target:" in err) == (2, True)
    (folder / "models/b.yaml").write_text("target: [\n")
    assert "models/b.yaml" in penstock("push")[2]
    (folder / "models/b.yaml").write_bytes(b"\xff\xfe")
    assert "cannot be read as UTF-8" in penstock("push")[2]
    (folder / "models/b.yaml").unlink()
    (folder / "models/B.yaml").write_text("target: x/y\n")
    assert "models/B.yaml: Expected a name" in penstock("push")[2]
    with pytest.raises(Exception, match="no model"):
        registry.service.catalog.get(registry.ref("a", kind="model"))


def test_a_pull_writes_nothing_outside_of_its_folder(registry, penstock, folder, tmp_path):
    """FAILURES S18, S30"""
    save(registry, "out/fast")
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / "models").mkdir()
    (folder / "models/out").symlink_to(outside)
    code, _, err = penstock("pull")
    assert (code, "leads out of" in err) == (2, True)
    assert list(outside.iterdir()) == []


def test_who_may_not_promote_pushes_but_moves_no_protected_label(registry, console, penstock, folder):
    console.actor = EDITOR
    (folder / "models").mkdir()
    (folder / "models/a.yaml").write_text("target: x/y\n")
    code, _, err = penstock("push", "--label", "production")
    assert (code, "models:promote" in err) == (1, True)
    assert penstock("push", "--force", "--label", "staging")[0] == 2


def test_a_lock_that_is_damaged_or_newer_is_named(registry, penstock, folder):
    (folder / "penstock.lock").write_text("{")
    assert penstock("pull")[0] == 2
    (folder / "penstock.lock").write_text('{"format": 2}')
    assert "format 2" in penstock("pull")[2]


def test_kinds_that_are_no_files_are_refused(penstock):
    assert penstock("pull", "--kind", "poem")[0] == 1


TEXT = st.text(st.characters(codec="utf-8"), max_size=60)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(
    before=st.dictionaries(TEXT, VALUES, max_size=4),
    links=st.lists(TEXT.map(lambda t: f"https://x/{t}"), max_size=2),
    description=TEXT,
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pull_edit_push_is_lossless(registry, penstock, folder, before, links, description):
    body = {"target": "a/b", "parameters": before, "links": links, "description": description}
    saved = registry.save("any", kind="model", body=body)
    assert penstock("pull", "--overwrite")[0] == 0
    # What was pulled is what was saved, byte for byte of its canonical form.
    assert penstock("diff")[0] == 0
    file = folder / "models/any.yaml"
    assert "Nothing to save" in penstock("push")[2]
    penstock("push", "-m", "edited")
    assert registry.service.versions.get(registry.ref("any", kind="model")).digest == saved.digest
    file.write_text(file.read_text().replace("a/b", "a/c", 1))
    penstock("push", "-m", "edited")
    edited = registry.service.versions.get(registry.ref("any", kind="model"))
    assert edited.body == {**saved.body, "target": "a/c"}


# --- penstock artifacts, penstock webhooks -----------------------------------------------------


def test_artifacts_are_listed_shown_saved_compared_labelled_and_taken_back(registry, penstock, folder):
    (folder / "m.yaml").write_text("target: x/y\ndescription: |\n  one\n  two\n")
    assert penstock("artifacts", "save", "model", "fast", "m.yaml", "-m", "first")[1] == "1\n"
    assert "Nothing changes" in penstock("artifacts", "save", "models", "fast", "m.yaml")[2]
    (folder / "m.yaml").write_text("target: x/z\ndescription: |\n  one\n  three\nlinks: [https://x]\n")
    assert penstock("artifacts", "save", "model", "fast", "m.yaml", "--json")[0] == 0
    assert '"target": "x/z"' in penstock("artifacts", "show", "model", "fast")[1]
    assert json.loads(penstock("artifacts", "show", "model", "fast", "--version", "1", "--json")[1])["number"] == 1
    lines = penstock("artifacts", "diff", "model", "fast")[1].splitlines()
    assert '~ target: "x/y" → "x/z"' in lines
    assert {"-two", "+three", " one"} <= set(lines)
    assert "Nothing differs" in penstock("artifacts", "diff", "model", "fast", "2", "latest")[2]
    assert json.loads(penstock("artifacts", "diff", "model", "fast", "--json")[1])["before"]["number"] == 1
    assert "stands at version 1" in penstock("artifacts", "label", "model", "fast", "production", "1")[2]
    penstock("artifacts", "label", "model", "fast", "production", "--reason", "go")
    assert "production@2" in penstock("artifacts", "list", "model")[1]
    assert "stands at version 1" in penstock("artifacts", "rollback", "model", "fast")[2]
    assert json.loads(penstock("artifacts", "rollback", "model", "fast", "none", "--json")[1] or "null") is None
    assert "rollback" in penstock("artifacts", "history", "model", "fast", "--labels")[1]
    assert "first" in penstock("artifacts", "history", "model", "fast")[1]
    assert json.loads(penstock("artifacts", "history", "model", "fast", "--json")[1])["items"][0]["number"] == 2
    assert "is taken away" in penstock("artifacts", "label", "model", "fast", "production", "--remove")[2]
    assert "fast" in penstock("artifacts", "search", "model", "three")[1]
    assert "archived" in penstock("artifacts", "archive", "model", "fast")[2]
    assert penstock("artifacts", "list", "model")[1] == ""
    assert json.loads(penstock("artifacts", "list", "model", "--archived", "--json")[1])["items"][0]["name"] == "fast"
    assert "in use again" in penstock("artifacts", "archive", "model", "fast", "--undo")[2]
    assert json.loads(penstock("artifacts", "archive", "model", "fast", "--json")[1])["archived"]


def test_a_list_that_goes_on_says_so(registry, penstock):
    for name in "abc":
        save(registry, name)
    assert "There are more" in penstock("artifacts", "list", "model", "--limit", "2")[2]


def test_webhooks_are_added_tested_looked_at_and_deleted(registry, penstock):
    secret = penstock("webhooks", "add", "ci", "https://example.com/x", "--event", "label.moved")[1].strip()
    assert secret.startswith("whsec_")
    assert "example.com" in penstock("webhooks", "list")[1]
    assert json.loads(penstock("webhooks", "list", "--json")[1])["items"][0]["name"] == "ci"
    assert penstock("webhooks", "test", "ci")[0] == 0
    registry.sender.failures = 1
    assert penstock("webhooks", "test", "ci", "--json")[0] == 1
    save(registry)
    registry.service.labels.move(ADMIN, registry.ref("fast", kind="model"), "staging", version="1")
    assert "label.moved" in penstock("webhooks", "deliveries", "ci")[1]
    (delivery,) = json.loads(penstock("webhooks", "deliveries", "ci", "--json")[1])["items"]
    assert penstock("webhooks", "retry", delivery["id"])[0] == 1
    with registry.metadata.write() as connection:
        connection.exec_driver_sql("UPDATE webhook_deliveries SET status = 'dead'")
    assert "tried again" in penstock("webhooks", "retry", delivery["id"])[2]
    assert penstock("webhooks", "test", "none")[0] == 1
    assert penstock("webhooks", "delete", "ci")[0] == 0
    assert penstock("webhooks", "add", "ci", "https://example.com/x", "--json")[0] == 0
    assert penstock("webhooks", "delete", "ci", "--json")[0] == 0
