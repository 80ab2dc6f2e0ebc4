"""Incidents: state, timeline, run book, post-mortem."""

import pytest

from alerts_harness import DAY, HOUR, MINUTE, START, threshold
from penstock.alerts.incidents.types import IncidentChange, NewIncident, NewNote, NewPostmortem
from penstock.alerts.types import MetricSpec
from penstock.core.errors import InvalidInput, NotFound, PreconditionFailed
from penstock.identity.store import audit


def opened(house, **options):
    return house.alerts.incidents.create(
        house.actor, house.project, NewIncident(**{"title": "Search is slow", **options})
    )


def change(house, incident, **options):
    return house.alerts.incidents.change(house.actor, house.project, incident.id, IncidentChange(**options))


def test_incidents_are_numbered_and_paged(house):
    for _ in range(3):
        opened(house)
    incidents = house.alerts.incidents
    assert [one.number for one in incidents.everything(house.project)] == [3, 2, 1]
    assert [one.number for one in incidents.everything(house.project, cursor=3, limit=1)] == [2]
    change(house, incidents.everything(house.project)[0], state="resolved")
    assert [one.number for one in incidents.everything(house.project, state="open")] == [2, 1]


def test_its_state_goes_forward_and_back(house):
    incident = opened(house)
    house.clock.advance(60)
    incident = change(house, incident, state="acknowledged", owner="Ada")
    assert (incident.acknowledged, incident.owner) == (START + MINUTE, "Ada")
    house.clock.advance(60)
    incident = change(house, incident, state="resolved")
    assert (incident.acknowledged, incident.mitigated, incident.resolved) == (START + MINUTE, None, START + 2 * MINUTE)
    incident = change(house, incident, state="acknowledged", owner="", severity="sev1", title="Search is down")
    assert (incident.resolved, incident.owner, incident.severity) == (None, None, "sev1")
    timeline = house.alerts.incidents.view(house.project, incident.id).timeline
    assert [event.text for event in timeline if event.kind != "change"] == [
        "Opened: Search is slow",
        "State: acknowledged (was open)",
        "Owner: Ada (was nobody)",
        "State: resolved (was acknowledged)",
        "State: acknowledged (was resolved)",
        "Severity: sev1 (was sev3)",
        "Owner: nobody (was Ada)",
        "Title: Search is down (was Search is slow)",
    ]


def test_who_resolves_at_once_has_seen_it(house):
    incident = change(house, opened(house), state="mitigated")
    assert incident.acknowledged == incident.mitigated == START


def test_a_change_of_nothing_writes_nothing(house):
    incident = opened(house)
    assert change(house, incident, state="open", title="Search is slow") == incident
    timeline = house.alerts.incidents.view(house.project, incident.id).timeline
    assert [event.kind for event in timeline if event.kind != "change"] == ["opened"]


def test_steps_are_ticked_off_and_back(house):
    incident = opened(house, steps=["look", "mend"])
    incidents = house.alerts.incidents
    ticked = incidents.tick(house.actor, house.project, incident.id, 1, done=True)
    assert [(step.done is not None, step.by) for step in ticked.steps] == [(False, None), (True, "admin")]
    assert incidents.tick(house.actor, house.project, incident.id, 1, done=True) == ticked
    assert incidents.tick(house.actor, house.project, incident.id, 1, done=False).steps[1].done is None
    with pytest.raises(NotFound):
        incidents.tick(house.actor, house.project, incident.id, 2, done=True)


def test_the_timeline_has_alerts_and_changes_around_it(house):
    house.create(threshold(0), metric=MetricSpec(q="status:error"), window=60)
    house.clock.advance(3600)
    house.metrics.add(house.clock.now(), status="error")
    house.run(3)
    house.identity.keys.create(house.actor, project=house.project, name="late", scopes=["gateway:call"])
    incident = opened(house)
    house.alerts.incidents.note(house.actor, house.project, incident.id, NewNote(text="It is the provider."))
    house.alerts.incidents.note(
        house.actor, house.project, incident.id, NewNote(text="Here it shows.", trace_id="cd" * 16)
    )
    view = house.alerts.incidents.view(house.project, incident.id)
    texts = [event.text for event in view.timeline]
    assert "alert Errors: create" in texts
    assert "key late: create" in texts
    assert any(text.startswith("Alert Errors: firing") for text in texts)
    assert {"It is the provider.", "Here it shows."} < set(texts)
    assert view.traces == ["cd" * 16]
    assert [event.at for event in view.timeline] == sorted(event.at for event in view.timeline)


def test_a_post_mortem_has_the_facts(house):
    house.identity.keys.create(house.actor, project=house.project, name="new-key", scopes=["gateway:call"])
    house.clock.advance(600)
    incident = opened(
        house,
        title="Search | is\nslow",
        steps=["look"],
        runbook="https://r.test",
        summary="{{ 7 * 7 }} <b>",
        owner="Ada|Bob",
    )
    house.alerts.incidents.tick(house.actor, house.project, incident.id, 0, done=True)
    house.alerts.incidents.note(house.actor, house.project, incident.id, NewNote(text="Seen.", trace_id="cd" * 16))
    house.clock.advance(3 * 3600 + 120)
    change(house, incident, state="resolved")
    text = house.alerts.incidents.postmortem(house.project, incident.id).markdown
    assert text.startswith("# Post-mortem: incident 1, Search | is slow\n")
    assert "| Owner | Ada\\|Bob |" in text
    assert "| Time to resolve | 3 h 2 min |" in text
    assert "| Mitigated | not yet |" in text
    assert "{{ 7 * 7 }} <b>" in text
    assert "- 2026-01-05 00:00:00 key new-key: create (admin)" in text
    assert f"https://console.test/traces/{'cd' * 16}" in text
    assert "- [x] look (admin)" in text
    assert "| Run book | https://r.test |" in text


def test_a_bare_post_mortem_says_what_is_not_there(house):
    house.clock.advance(DAY / 1_000_000)
    text = house.alerts.incidents.postmortem(house.project, opened(house).id).markdown
    for words in ("None that Penstock knows of.", "None were kept.", "No steps.", "What happened, in two sentences"):
        assert words in text


def test_a_saved_post_mortem_takes_the_place_of_the_draft_and_keeps_its_versions(house):
    incident = opened(house)
    incidents = house.alerts.incidents
    assert incidents.postmortem(house.project, incident.id).version == 0

    def save(text, expected=None):
        new = NewPostmortem(markdown=text)
        return incidents.save_postmortem(house.actor, house.project, incident.id, new, expected=expected)

    first = save("# It was the cable", "0")
    assert (first.version, first.saved, first.saved_by) == (1, START, "admin")
    assert save("# It was the cable") == first
    house.clock.advance(60)
    assert save("# It was the plug\n", "1").version == 2
    assert incidents.postmortem(house.project, incident.id).markdown == "# It was the plug\n"
    assert incidents.postmortem(house.project, incident.id, version=1) == first
    assert incidents.postmortem(house.project, incident.id, version=0).markdown.startswith("# Post-mortem: incident 1")
    with house.metadata.read() as connection:
        acts = [row for row in audit.newest(connection) if row.action == "incident.postmortem"]
    assert [(row.target, row.details["version"]) for row in acts] == [(incident.id, 2), (incident.id, 1)]


def test_a_post_mortem_is_not_written_over_unseen(house):
    incident = opened(house)
    incidents = house.alerts.incidents
    incidents.save_postmortem(house.actor, house.project, incident.id, NewPostmortem(markdown="a"))
    with pytest.raises(PreconditionFailed, match="version 1, written by admin"):
        incidents.save_postmortem(house.actor, house.project, incident.id, NewPostmortem(markdown="b"), expected="0")
    assert (
        incidents.save_postmortem(
            house.actor, house.project, incident.id, NewPostmortem(markdown="b"), expected="*"
        ).version
        == 2
    )
    with pytest.raises(NotFound):
        incidents.postmortem(house.project, incident.id, version=7)
    for wrong in ("", "\x07", "a" * 100_001):
        with pytest.raises(InvalidInput):
            incidents.save_postmortem(house.actor, house.project, incident.id, NewPostmortem(markdown=wrong))


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"title": ""}, "title"),
        ({"runbook": "ftp://x"}, "runbook"),
        ({"steps": [""]}, "steps"),
        ({"began": START + HOUR}, "began"),
        ({"began": START - 31 * DAY}, "began"),
        ({"owner": "\x07"}, "owner"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(house, options, field):
    with pytest.raises(InvalidInput) as caught:
        opened(house, **options)
    assert caught.value.field == field


def test_notes_and_changes_are_checked(house):
    incident = opened(house, began=START - HOUR)
    for note in (NewNote(text=""), NewNote(text="x", trace_id="nonsense")):
        with pytest.raises(InvalidInput):
            house.alerts.incidents.note(house.actor, house.project, incident.id, note)
    with pytest.raises(InvalidInput):
        change(house, incident, title=" ")
    with pytest.raises(NotFound):
        house.alerts.incidents.view("other", incident.id)
