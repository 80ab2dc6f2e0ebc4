import asyncio
import contextlib

import pytest

from penstock.core.errors import Unavailable
from penstock.registry.config import watch

GOOD = "providers: {gpu: {kind: openai, base_url: 'http://127.0.0.1:%d/v1', models: [m]}}\n"
BAD = "providers: {gpu: {kind: opena}}\n"


@contextlib.asynccontextmanager
async def watching(registry):
    """The outcomes of reloads, while the file is watched."""
    outcomes = asyncio.Queue()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(registry.watch(reloaded=outcomes))

        async def next_outcome():
            return (await asyncio.wait_for(outcomes.get(), 20)).outcome

        yield next_outcome
        task.cancel()


def port(registry):
    return registry.snapshot.providers["gpu"].base_url


async def test_a_file_edited_in_place_is_taken_up(make_registry, write):
    write(GOOD % 1)
    registry = make_registry()
    registry.start()
    async with watching(registry) as outcome:
        write(GOOD % 2)
        assert await outcome() == "changed"
        assert port(registry) == "http://127.0.0.1:2/v1"
        write(BAD)
        assert await outcome() == "failed"
        assert port(registry) == "http://127.0.0.1:2/v1"
        write(GOOD % 3)
        assert await outcome() == "changed"
        assert port(registry) == "http://127.0.0.1:3/v1"


async def test_a_change_between_start_and_watch_is_not_missed(make_registry, write):
    write(GOOD % 1)
    registry = make_registry()
    registry.start()
    write(GOOD % 2)
    async with watching(registry) as outcome:
        assert await outcome() == "changed"


async def test_a_file_renamed_over_is_taken_up_again_and_again(make_registry, write, home):
    write(GOOD % 1)
    registry = make_registry()
    registry.start()
    async with watching(registry) as outcome:
        for number in (2, 3, 4):
            aside = home.path / ".penstock.yaml.swp"
            aside.write_text(GOOD % number)
            aside.replace(home.config)
            assert await outcome() == "changed"
            assert port(registry) == f"http://127.0.0.1:{number}/v1"


async def test_a_file_that_appears_is_taken_up_and_one_that_goes_is_noticed(make_registry, write, home):
    registry = make_registry(environment={"GROQ_API_KEY": "x"})
    registry.start()
    async with watching(registry) as outcome:
        write(GOOD % 1)
        assert await outcome() == "changed"
        assert list(registry.snapshot.providers) == ["gpu"]
        home.config.unlink()
        assert await outcome() == "changed"
        assert list(registry.snapshot.providers) == ["groq"]


async def test_a_file_that_is_emptied_and_then_written_is_not_served_empty(make_registry, write, home):
    write(GOOD % 1)
    registry = make_registry(environment={"GROQ_API_KEY": "x"})
    registry.start()
    async with watching(registry) as outcome:
        # As some editors save: cut to nothing, a breath, the new content.
        home.config.write_text("")
        await asyncio.get_running_loop().run_in_executor(None, home.config.write_text, GOOD % 2)
        assert await outcome() == "changed"
        assert port(registry) == "http://127.0.0.1:2/v1"
    assert registry.snapshot.version == 2


async def test_a_symlink_that_is_moved_is_followed(make_registry, tmp_path):
    """As a mounted ConfigMap changes: `penstock.yaml → ..data/penstock.yaml`, `..data → a folder`."""
    folder = tmp_path / "mount"
    for number in (1, 2):
        (folder / f"..{number}").mkdir(parents=True)
        (folder / f"..{number}" / "penstock.yaml").write_text(GOOD % number)
    (folder / "..data").symlink_to("..1")
    (folder / "penstock.yaml").symlink_to("..data/penstock.yaml")
    registry = make_registry(config=folder / "penstock.yaml")
    registry.start()
    async with watching(registry) as outcome:
        (folder / "..next").symlink_to("..2")
        (folder / "..next").replace(folder / "..data")
        assert await outcome() == "changed"
        assert port(registry) == "http://127.0.0.1:2/v1"
        # What the link leads to now is watched too.
        (folder / "..2" / "penstock.yaml").write_text(GOOD % 3)
        assert await outcome() == "changed"
        assert port(registry) == "http://127.0.0.1:3/v1"


async def test_a_folder_that_does_not_exist_yet_is_waited_for(make_registry, tmp_path):
    path = tmp_path / "later" / "conf" / "penstock.yaml"
    registry = make_registry(config=path)
    registry.start()
    async with watching(registry) as outcome:
        path.parent.mkdir(parents=True)
        path.write_text(GOOD % 1)
        assert await outcome() == "changed"
        assert port(registry) == "http://127.0.0.1:1/v1"


async def test_a_change_is_seen_where_the_system_reports_none(make_registry, write, monkeypatch):
    monkeypatch.setattr(watch._Filter, "__call__", lambda self, change, name: False)
    write(GOOD % 1)
    registry = make_registry()
    registry.start()
    async with watching(registry) as outcome:
        write(GOOD % 2)
        assert await outcome() == "changed"


async def test_a_refused_publication_is_tried_again(make_registry, write, home, identity, monkeypatch):
    """FAILURES G22: a revocation that the disk refused takes effect as soon as the disk allows."""
    identity.add("k1")
    registry = make_registry()
    registry.start()
    identity.keys.clear()
    registry._pending = True
    published = asyncio.Event()
    loop = asyncio.get_running_loop()
    publish = registry.publish

    def noted():
        try:
            return publish()
        finally:
            loop.call_soon_threadsafe(published.set)

    monkeypatch.setattr(registry, "publish", noted)
    async with watching(registry):
        await asyncio.wait_for(published.wait(), 20)
    assert registry.snapshot.keys == {}


async def test_a_disk_that_refuses_a_reload_does_not_end_the_watch(make_registry, write, monkeypatch):
    write(GOOD % 1)
    registry = make_registry()
    registry.start()
    refused = asyncio.Event()
    loop = asyncio.get_running_loop()
    publish = registry._publisher.publish

    def refuse(config, **entries):
        if config.providers["gpu"].base_url.endswith(":2/v1"):
            loop.call_soon_threadsafe(refused.set)
            raise Unavailable("The disk is full.", code="snapshot_not_written")
        return publish(config, **entries)

    monkeypatch.setattr(registry._publisher, "publish", refuse)
    async with watching(registry) as outcome:
        write(GOOD % 2)
        await asyncio.wait_for(refused.wait(), 20)
        assert port(registry) == "http://127.0.0.1:1/v1"
        write(GOOD % 3)
        assert await outcome() == "changed"
        assert port(registry) == "http://127.0.0.1:3/v1"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("/a/b/penstock.yaml", True),
        ("/a/b/..data", True),
        ("/a/b", True),
        ("/a/b/metadata.db-wal", False),
        ("/a/b/penstock.yaml.bak", False),
    ],
)
def test_events_of_other_files_are_passed_over(name, expected, tmp_path):
    assert watch._Filter(tmp_path / "b" / "penstock.yaml")(None, name) is expected


def test_a_folder_that_is_always_busy_still_lets_the_file_be_looked_at(monkeypatch, tmp_path):
    now = 100.0
    monkeypatch.setattr(watch.time, "monotonic", lambda: now)
    passes = watch._Filter(tmp_path / "penstock.yaml")
    assert not passes(None, "/x/other")
    now = 101.0
    assert passes(None, "/x/other")
    assert not passes(None, "/x/other")
