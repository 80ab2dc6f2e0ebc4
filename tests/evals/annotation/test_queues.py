"""Queues of annotation: who is given what, what becomes of labels, how good they are."""

import pytest

from penstock.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from penstock.evals.annotation.types import (
    AddItems,
    ItemSource,
    NewItem,
    NewLabel,
    NewQueue,
    OutputsWanted,
    Question,
    RowsWanted,
)
from penstock.evals.datasets.traces import TraceSample
from penstock.evals.datasets.types import DatasetRow
from penstock.registry.artifacts.types import Ref

TRACE = "a" * 32
QUESTION = [Question(name="other", type="boolean")]


def test_an_item_is_held_by_one_until_it_is_labelled_or_the_lease_ends(office):
    queue = office.queue()
    assert office.fill(queue, 2) == 2
    first = office.take("ann", queue)
    assert office.take("ann", queue).item == first.item
    second = office.take("ben", queue)
    assert {first.item, second.item} == {one.item.id for one in office.annotation.items(office.project, queue)}
    assert office.take("cat", queue) is None
    with pytest.raises(Conflict):
        office.say("cat", queue, first.item)
    office.clock.advance(901)
    assert office.take("cat", queue).item in {first.item, second.item}
    assert (first.left, first.questions[0].name) == (2, "good")


def test_labels_close_items_and_can_be_changed_by_who_gave_them(office):
    queue = office.queue()
    office.fill(queue, 1)
    item = office.take("ann", queue).item
    office.say("ann", queue, item)
    office.say("ann", queue, item, answers={"good": False, "grade": 3, "tone": "calm", "fix": "Say so."})
    (found,) = office.annotation.items(office.project, queue, state="done")
    assert [label.answers for label in found.labels] == [
        {"good": False, "grade": 3.0, "tone": "calm", "fix": "Say so."}
    ]
    assert office.take("ben", queue) is None
    with pytest.raises(Conflict):
        office.say("ben", queue, item)
    assert office.annotation.get(office.project, "answers").done == 1


def test_named_annotators_take_turns_and_nobody_else_labels(office):
    queue = office.queue(annotators=["ann", "id-ben"])
    office.fill(queue, 6)
    given = {"ann": 0, "ben": 0}
    for name in given:
        while (task := office.take(name, queue)) is not None:
            office.say(name, queue, task.item)
            given[name] += 1
    assert given == {"ann": 3, "ben": 3}
    with pytest.raises(PermissionDenied):
        office.take("cat", queue)


def test_a_stated_share_is_labelled_by_two(office):
    queue = office.queue(doubled=0.3)
    office.fill(queue, 300)
    wanted = [one.item.wanted for one in office.annotation.items(office.project, queue, limit=300)]
    assert 60 < wanted.count(2) < 120
    both = office.queue("both", doubled=1.0, annotators=["ann", "ben", "cat"])
    office.fill(both, 6)
    assigned = [one.item.assigned for one in office.annotation.items(office.project, both)]
    assert assigned[:3] == [["ann", "ben"], ["ben", "cat"], ["cat", "ann"]]
    first = office.take("ann", both).item
    office.say("ann", both, first)
    assert office.annotation.get(office.project, both).done == 0


def test_what_cannot_be_judged_goes_to_somebody_else_and_then_to_nobody(office):
    queue = office.queue(annotators=["ann", "ben"])
    office.fill(queue, 1)
    item = office.take("ann", queue).item
    office.say("ann", queue, item, skip="I do not speak Finnish.")
    assert office.take("ann", queue) is None
    assert office.take("ben", queue).item == item
    office.say("ben", queue, item, skip="Nor do I.")
    assert office.annotation.get(office.project, queue).skipped == 1
    three = office.queue("three", annotators=["ann", "ben", "cat"], doubled=1.0)
    office.fill(three, 1)
    for name in ("ben", "ann"):
        office.say(name, three, item := office.take(name, three).item, skip="No.")
    office.say("cat", three, item)
    assert office.annotation.get(office.project, three).done == 1
    anyone = office.queue("anyone")
    office.fill(anyone, 1)
    for name in ("ann", "ben", "cat"):
        office.say(name, anyone, office.take(name, anyone).item, skip="No.")
    assert office.take("dan", anyone) is None
    (progress, *_) = office.annotation.report(office.project, anyone).annotators
    assert (progress.labelled, progress.skipped) == (0, 1)


def test_golden_items_are_shown_to_everybody_and_tell_who_is_right(office):
    queue = office.queue()
    office.fill(queue, 2)
    golden = [NewItem(input=f"known {n}", golden={"good": True, "fix": " Yes  please"}) for n in range(4)]
    office.annotation.add(office.project, queue, AddItems(items=golden))
    for name, good in (("ann", True), ("ben", False)):
        while (task := office.take(name, queue)) is not None:
            office.say(name, queue, task.item, answers={"good": good, "fix": "yes please"})
    report = office.annotation.report(office.project, queue)
    assert (report.queue.items, report.queue.done) == (2, 2)
    found = {(one.annotator, one.question): (one.right, one.answered) for one in report.golden}
    assert found[("id-ann", "good")] == (4, 4)
    assert found[("id-ben", "good")] == (0, 4)
    assert found[("id-ben", "fix")] == (4, 4)
    assert report.golden[0].annotator == "id-ben"
    assert all(one.items == 0 for one in report.agreement)


def test_agreement_is_told_on_what_several_labelled(office):
    queue = office.queue(doubled=1.0)
    office.fill(queue, 20)
    for name in ("ann", "ben"):
        number = 0
        while (task := office.take(name, queue)) is not None:
            number += 1
            good = int(task.input.split()[1]) % 2 == 0
            differs = name == "ben" and task.input == "question 3"
            office.say(name, queue, task.item, answers={"good": good != differs, "grade": 2 + good, "fix": "x"})
    agreement = {one.question: one for one in office.annotation.report(office.project, queue).agreement}
    assert agreement["good"].items == 20
    assert agreement["good"].same == pytest.approx(0.95)
    assert 0.8 < agreement["good"].alpha.value < 1
    assert agreement["grade"].alpha.value == 1
    assert (agreement["fix"].same, agreement["fix"].alpha, agreement["tone"].items) == (1.0, None, 0)


def test_labels_of_a_trace_are_scores_that_a_change_replaces(office):
    queue = office.queue()
    office.fill(queue, 1, source=ItemSource(trace_id=TRACE))
    ann = office.person("ann")
    item = office.take("ann", queue).item
    label = NewLabel(answers={"good": True, "tone": "angry"}, comment="Rude.")
    scores = office.annotation.scores(ann, office.project, queue, item, label)
    assert [(one.name, one.value, one.type, one.source) for one in scores] == [
        ("good", True, "boolean", "person"),
        ("tone", "angry", "category", "person"),
    ]
    assert scores[0].trace_id == TRACE
    assert scores[0].metadata == {"queue": "answers", "item": item}
    again = office.annotation.scores(ann, office.project, queue, item, NewLabel(answers={"good": False}))
    assert again[0].id == scores[0].id
    assert office.annotation.scores(ann, office.project, queue, item, NewLabel(skip="Cut off.")) == []


def test_rows_of_datasets_are_judged_and_their_references_may_be_known_answers(office):
    rows = [DatasetRow(id=str(n), input=f"q{n}", reference=n % 2 == 0) for n in range(5)]
    office.datasets.save(office.admin, Ref(office.project, "dataset", "team/rows"), rows)
    queue = office.queue()
    wanted = AddItems(rows=RowsWanted(dataset="team/rows", limit=3, golden="good"))
    assert office.annotation.add(office.project, queue, wanted) == 3
    assert office.annotation.add(office.project, queue, wanted) == 0
    found = [one.item for page in office.annotation.export(office.project, queue) for one in page]
    assert sorted((one.source.row, one.golden["good"]) for one in found) == [("0", True), ("1", False), ("2", True)]
    assert found[0].source.version == 1


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (AddItems(), InvalidInput),
        (AddItems(items=[NewItem()]), InvalidInput),
        (AddItems(items=[NewItem(input="x", golden={"good": "yes"})]), InvalidInput),
        (AddItems(items=[NewItem(input="x", golden={"other": True})]), InvalidInput),
        (AddItems(items=[NewItem(input="x", source=ItemSource(trace_id="x"))]), InvalidInput),
        (AddItems(items=[NewItem(input="x" * 2_000_000)]), InvalidInput),
        (AddItems(items=[NewItem(input="x")] * 5001), InvalidInput),
        (AddItems(traces=TraceSample()), NotFound),
        (AddItems(outputs=OutputsWanted(experiment="x")), NotFound),
        (AddItems(rows=RowsWanted(dataset="x")), NotFound),
    ],
)
def test_what_cannot_be_added_is_refused(office, wanted, error):
    queue = office.queue()
    with pytest.raises(error):
        office.annotation.add(office.project, queue, wanted)


@pytest.mark.parametrize(
    "label",
    [
        {"answers": {"grade": 3}},
        {"answers": {"good": "yes"}},
        {"answers": {"good": True, "tone": "sad"}},
        {"answers": {"good": True, "grade": 6}},
        {"answers": {"good": True, "grade": True}},
        {"answers": {"good": True, "fix": " "}},
        {"answers": {"good": True, "other": 1}},
        {"skip": " "},
        {"skip": "why", "answers": {"good": True}},
    ],
)
def test_answers_that_do_not_fit_are_refused(office, label):
    queue = office.queue()
    office.fill(queue, 1)
    item = office.take("ann", queue).item
    with pytest.raises(InvalidInput):
        office.say("ann", queue, item, **label)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": " "},
        {"questions": []},
        {"questions": [Question(name="a", type="boolean")] * 2},
        {"questions": [Question(name="a b", type="boolean")]},
        {"questions": [Question(name="a", type="category")]},
        {"questions": [Question(name="a", type="category", categories=["x", "x"])]},
        {"questions": [Question(name="a", type="boolean", categories=["x", "y"])]},
        {"questions": [Question(name="a", type="number", least=2, most=1)]},
        {"questions": [Question(name="a", type="text", most=1)]},
        {"questions": [Question(name="a", type="text", guidance="x" * 10_001)]},
        {"doubled": 1.5},
        {"lease_seconds": 1},
        {"annotators": ["a", "a"]},
    ],
)
def test_a_queue_that_cannot_be_asked_is_refused(office, fields):
    given = {"name": "q", "questions": [Question(name="a", type="boolean")], **fields}
    with pytest.raises(InvalidInput):
        office.annotation.create(office.admin, office.project, NewQueue(**given))


def test_queues_are_listed_by_name_and_deleted_whole(office):
    for name in ("b", "a", "c"):
        office.fill(office.queue(name), 1)
    with pytest.raises(Conflict):
        office.queue("a")
    assert [one.name for one in office.annotation.listed(office.project, after="a", limit=1)] == ["b"]
    task = office.take("ann", "b")
    office.say("ann", "b", task.item)
    office.annotation.delete(office.project, "b")
    for name in ("b", "nothing"):
        with pytest.raises(NotFound):
            office.annotation.get(office.project, name)
    assert [one.name for one in office.annotation.listed(office.project)] == ["a", "c"]
    with pytest.raises(NotFound):
        office.say("ann", "a", task.item)


def test_the_next_item_is_there_while_one_is_worked_on(office):
    queue = office.queue()
    office.fill(queue, 3)
    first = office.take("ann", queue)
    second = office.annotation.next(office.person("ann"), office.project, queue, beside=first.item)
    again = office.annotation.next(office.person("ann"), office.project, queue, beside=first.item)
    assert first.item != second.item == again.item
    assert (first.left, second.left) == (3, 2)
    third = office.take("ben", queue).item
    assert third not in {first.item, second.item}
    office.say("ann", queue, first.item)
    assert office.take("ann", queue).item == second.item
    assert office.annotation.next(office.person("ann"), office.project, queue, beside=second.item) is None


def test_an_annotator_sees_again_what_they_labelled_and_nothing_of_others(office):
    queue = office.queue()
    office.fill(queue, 2)
    office.annotation.add(office.project, queue, AddItems(items=[NewItem(input="known", golden={"good": True})]))
    mine = [office.take("ann", queue).item]
    office.say("ann", queue, mine[0], answers={"good": False})
    mine.append(office.take("ann", queue).item)
    office.say("ann", queue, mine[1], skip="Cut off.")
    office.say("ben", queue, office.take("ben", queue).item)
    found = office.annotation.labelled(office.person("ann"), office.project, queue)
    assert [(one.item, one.label.skipped, one.label.answers) for one in found] == [
        (mine[1], "Cut off.", {}),
        (mine[0], None, {"good": False}),
    ]
    assert "golden" not in found[0].__struct_fields__
    assert [one.item for one in office.annotation.labelled(office.person("ann"), office.project, queue, limit=1)] == [
        mine[1]
    ]


def test_disagreements_and_golden_items_are_found(office):
    queue = office.queue(doubled=1.0)
    office.fill(queue, 6)
    office.annotation.add(office.project, queue, AddItems(items=[NewItem(input="known", golden={"good": True})]))
    for name in ("ann", "ben"):
        while (task := office.take(name, queue)) is not None:
            differs = name == "ben" and task.input in {"question 2", "question 5", "known"}
            office.say(name, queue, task.item, answers={"good": not differs, "fix": name})
    report = office.annotation.report(office.project, queue)
    assert (report.disagreements, report.golden_items) == (2, 1)

    def inputs(**terms):
        return [one.item.input for one in office.annotation.items(office.project, queue, **terms)]

    assert inputs(only="disagreements") == ["question 2", "question 5"]
    assert inputs(only="disagreements", limit=1) == ["question 2"]
    assert inputs(only="disagreements", after=2) == ["question 5"]
    assert inputs(only="disagreements", state="open") == []
    assert inputs(only="golden") == ["known"]


def test_the_pace_of_an_annotator_leaves_pauses_out(office):
    queue = office.queue()
    office.fill(queue, 4)
    for seconds in (0, 9, 700, 19):
        office.clock.advance(seconds)
        office.say("ann", queue, office.take("ann", queue).item)
    (ann,) = office.annotation.report(office.project, queue).annotators
    assert (ann.labelled, ann.median_seconds) == (4, 15.0)
    other = office.queue("other")
    office.fill(other, 1)
    office.say("ann", other, office.take("ann", other).item)
    assert office.annotation.report(office.project, other).annotators[0].median_seconds is None


def test_annotators_are_named_in_the_report(office):
    queue = office.queue()
    office.fill(queue, 2)
    task = office.annotation.next(office.admin, office.project, queue)
    office.annotation.label(office.admin, office.project, queue, task.item, NewLabel(answers={"good": True}))
    office.say("ann", queue, office.take("ann", queue).item)
    names = office.annotation.report(office.project, queue).names
    assert list(names) == [office.admin.user or office.admin.id]


def test_a_rubric_changes_as_long_as_answers_fit_it(office):
    queue = office.queue()
    office.fill(queue, 2)
    good, tone, grade, fix = office.annotation.get(office.project, queue).questions

    def change(*questions, name="answers"):
        return office.annotation.replace(
            office.project, queue, NewQueue(name=name, questions=list(questions), doubled=0.5)
        )

    changed = change(grade, name="renamed")
    assert (changed.name, changed.questions, changed.doubled, changed.items) == ("renamed", [grade], 0.5, 2)
    change(good, tone, grade, fix)
    office.say("ann", queue, office.take("ann", queue).item)
    more = Question(name="tone", type="category", categories=["angry", "calm", "flat"], guidance="Whose?")
    assert change(good, more, grade, fix, Question(name="new", type="text")).questions[1] == more
    for wrong in (
        [good, more, grade],
        [Question(name="good", type="text"), more, grade, fix],
        [good, tone, grade, fix],
        [good, more, Question(name="grade", type="number", least=1, most=9), fix],
        [],
    ):
        with pytest.raises(InvalidInput):
            change(*wrong)
    office.queue("taken")
    with pytest.raises(Conflict):
        change(good, more, grade, fix, Question(name="new", type="text"), name="taken")
    with pytest.raises(NotFound):
        office.annotation.replace(office.project, "nothing", NewQueue(name="x", questions=[good]))


def test_golden_answers_hold_a_rubric_too(office):
    queue = office.queue()
    office.annotation.add(office.project, queue, AddItems(items=[NewItem(input="known", golden={"good": True})]))
    with pytest.raises(InvalidInput):
        office.annotation.replace(office.project, queue, NewQueue(name="x", questions=QUESTION))


def test_items_that_wait_go_to_those_who_are_named_now(office):
    queue = office.queue(annotators=["ann", "ben"], doubled=1.0)
    office.fill(queue, 4)
    for _ in range(2):
        office.say("ann", queue, office.take("ann", queue).item)

    def name(*annotators):
        questions = office.annotation.get(office.project, queue).questions
        new = NewQueue(name="answers", questions=questions, annotators=list(annotators), doubled=1.0)
        office.annotation.replace(office.project, queue, new)
        return [one.item.assigned for one in office.annotation.items(office.project, queue)]

    # Two items have a label already: they need one more.
    assigned = name("ben", "cat")
    assert sorted(map(len, assigned)) == [1, 1, 2, 2]
    assert {who for some in assigned for who in some} == {"ben", "cat"}
    for who in ("ben", "cat"):
        while (task := office.take(who, queue)) is not None:
            office.say(who, queue, task.item)
    assert office.annotation.get(office.project, queue).done == 4
    office.annotation.add(office.project, queue, AddItems(items=[NewItem(input="more")]))
    assert name()[-1] == []
    assert office.take("dan", queue).input == "more"
