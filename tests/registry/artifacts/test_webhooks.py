import asyncio

import msgspec
import pytest

from artifacts_harness import ADMIN
from penstock.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from penstock.registry.artifacts.jobs import WebhookJob
from penstock.registry.artifacts.webhook_types import NewWebhook
from penstock.registry.artifacts.webhooks import BACKOFF

NEW = NewWebhook(name="ci", url="https://example.com/hook?token=x")


@pytest.fixture
def webhooks(registry):
    return registry.service.webhooks


async def step(registry, webhooks):
    job = WebhookJob(webhooks, clock=registry.clock)
    async with asyncio.TaskGroup() as tasks:
        await job.step(tasks)


async def test_an_event_is_sent_with_what_happened_and_a_stable_id(registry, webhooks):
    made = webhooks.create(ADMIN, "p1", NEW)
    registry.save(body={"a": 1}, message="first")
    await step(registry, webhooks)
    await step(registry, webhooks)
    types = [msgspec.json.decode(one[4])["type"] for one in registry.sender.sent]
    assert types == ["artifact.created", "version.created"]
    url, secret, id_, _, body = registry.sender.sent[1]
    event = msgspec.json.decode(body)
    assert (url, secret, id_) == (NEW.url, made.secret, event["id"])
    assert event["data"]["version"] == 1
    assert event["data"]["message"] == "first"
    assert "body" not in event["data"]


async def test_a_failed_delivery_is_tried_again_later_and_then_given_up_with_its_reason(registry, webhooks):
    made = webhooks.create(ADMIN, "p1", NewWebhook(name="ci", url="https://x.org", events=["version.created"]))
    registry.save()
    registry.sender.failures = len(BACKOFF) + 1
    ids = set()
    for seconds in (*BACKOFF, 0):
        await step(registry, webhooks)
        (row,) = webhooks.deliveries("p1", made.id)
        ids.add((row.id, row.event))
        assert row.error == "The webhook answered 500: not 2xx."
        await step(registry, webhooks)
        assert webhooks.deliveries("p1", made.id) == [row]
        registry.clock.advance(seconds)
    assert (row.status, row.attempts, len(ids)) == ("dead", len(BACKOFF) + 1, 1)
    assert webhooks.get("p1", made.id).last_error is not None
    assert webhooks.retry(ADMIN, "p1", row.id).status == "waiting"
    await step(registry, webhooks)
    (row,) = webhooks.deliveries("p1", made.id)
    assert (row.status, row.attempts, row.error) == ("sent", 1, None)
    assert webhooks.get("p1", made.id).last_error is None


async def test_only_events_and_kinds_that_were_chosen_are_delivered(registry, webhooks):
    made = webhooks.create(
        ADMIN, "p1", NewWebhook(name="a", url="https://x.org", events=["label.moved"], kinds=["prompt"])
    )
    off = webhooks.create(ADMIN, "p1", NewWebhook(name="b", url="https://x.org", enabled=False))
    theirs = webhooks.create(ADMIN, "p2", NewWebhook(name="a", url="https://x.org"))
    for kind in ("prompt", "evaluator"):
        registry.save(kind=kind)
        registry.service.labels.move(ADMIN, registry.ref(kind=kind), "staging", version="1")
    assert [one.type for one in webhooks.deliveries("p1", made.id)] == ["label.moved"]
    assert webhooks.deliveries("p1", off.id) == []
    assert webhooks.deliveries("p2", theirs.id) == []


async def test_a_webhook_that_was_switched_off_or_deleted_sends_nothing_more(registry, webhooks):
    made = webhooks.create(ADMIN, "p1", NEW)
    registry.save()
    webhooks.replace(ADMIN, "p1", made.id, NewWebhook(name="ci", enabled=False))
    due = webhooks.due()
    await step(registry, webhooks)
    assert registry.sender.sent == []
    dead = [one for one in webhooks.deliveries("p1", made.id) if one.status == "dead"]
    assert "switched off" in dead[0].error
    webhooks.delete(ADMIN, "p1", made.id)
    webhooks.deliver(due[0])
    assert (registry.sender.sent, registry.vault.values) == ([], {})


async def test_what_failed_to_happen_is_told_to_nobody(registry, webhooks):
    webhooks.create(ADMIN, "p1", NEW)
    registry.save(body={"a": 1})
    before = len(webhooks.due())
    with pytest.raises(Conflict):
        registry.save(body={"a": 2}, expected="0" * 64)
    assert len(webhooks.due()) == before


def test_an_address_is_never_shown_and_a_secret_once(registry, webhooks):
    """FAILURES S24"""
    made = webhooks.create(ADMIN, "p1", NEW)
    assert made.secret.startswith("whsec_")
    assert made.secret not in repr(made)
    assert NEW.url not in repr(NEW)
    shown = msgspec.json.encode([webhooks.get("p1", made.id), webhooks.listed("p1")])
    assert b"token" not in shown
    assert b"whsec_" not in shown
    assert webhooks.replace(ADMIN, "p1", made.id, NewWebhook(name="renamed")).secret is None
    same = webhooks.replace(ADMIN, "p1", made.id, NewWebhook(name="renamed", url=NEW.url))
    other = webhooks.replace(ADMIN, "p1", made.id, NewWebhook(name="renamed", url="https://other.org"))
    assert same.secret == made.secret
    assert other.secret not in {made.secret, None}
    assert (other.host, other.name) == ("other.org", "renamed")


@pytest.mark.parametrize(
    ("new", "field"),
    [
        (NewWebhook(name="a b", url="https://x.org"), "name"),
        (NewWebhook(name="a"), "url"),
        (NewWebhook(name="a", url="ftp://x.org"), "url"),
        (NewWebhook(name="a", url="https://x.org", events=["x"]), "events"),
        (NewWebhook(name="a", url="https://x.org", secret="whsec_x"), "secret"),
    ],
)
def test_what_cannot_be_a_webhook_is_refused(webhooks, new, field):
    with pytest.raises(InvalidInput) as caught:
        webhooks.create(ADMIN, "p1", new)
    assert caught.value.field == field


def test_names_are_taken_once_and_a_project_has_fifty(webhooks):
    for number in range(50):
        webhooks.create(ADMIN, "p1", NewWebhook(name=f"w{number}", url="https://x.org"))
    with pytest.raises(Conflict) as caught:
        webhooks.create(ADMIN, "p1", NewWebhook(name="w0", url="https://x.org"))
    assert caught.value.code == "webhook_exists"
    with pytest.raises(Conflict) as caught:
        webhooks.create(ADMIN, "p1", NewWebhook(name="more", url="https://x.org"))
    assert caught.value.code == "too_many_webhooks"


def test_another_projects_webhook_is_not_there(registry, webhooks):
    """FAILURES S35, S39"""
    made = webhooks.create(ADMIN, "p2", NEW)
    registry.save(project="p2")
    delivery = webhooks.deliveries("p2", made.id)[0].id
    for act in (
        lambda: webhooks.get("p1", made.id),
        lambda: webhooks.deliveries("p1", made.id),
        lambda: webhooks.delete(ADMIN, "p1", made.id),
        lambda: webhooks.retry(ADMIN, "p1", delivery),
    ):
        with pytest.raises(NotFound):
            act()


async def test_a_test_says_how_it_went(registry, webhooks):
    made = webhooks.create(ADMIN, "p1", NEW)
    assert webhooks.test("p1", made.id).sent
    registry.sender.failures = 1
    assert webhooks.test("p1", made.id).error == "The webhook answered 500: not 2xx."


async def test_what_is_over_for_a_month_is_forgotten(registry, webhooks):
    made = webhooks.create(ADMIN, "p1", NEW)
    registry.save()
    await step(registry, webhooks)
    registry.clock.advance(31 * 24 * 3600)
    webhooks.tidy()
    assert [one.status for one in webhooks.deliveries("p1", made.id)] == ["waiting"]


async def test_the_job_outlives_a_store_that_is_down(registry, webhooks, monkeypatch):
    def down():
        raise Unavailable("The metadata store cannot be used.")

    webhooks.create(ADMIN, "p1", NEW)
    registry.save()
    monkeypatch.setattr(webhooks, "due", down)
    await step(registry, webhooks)
    monkeypatch.undo()
    monkeypatch.setattr(webhooks, "deliver", lambda row: down())
    await step(registry, webhooks)
    monkeypatch.undo()
    await step(registry, webhooks)
    assert len(registry.sender.sent) == 1


async def test_the_job_looks_again_and_ends_when_it_is_cancelled(registry, webhooks):
    looked = asyncio.Event()

    async def pause(seconds):
        looked.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(WebhookJob(webhooks, clock=registry.clock, pause=pause).run())
    await looked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
