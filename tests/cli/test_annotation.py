"""`penstock annotation` against canned answers."""

import json

QUEUE = {"id": "q1", "name": "answers", "items": 10, "done": 4, "skipped": 1, "doubled": 0.1, "annotators": []}
REPORT = {
    "queue": QUEUE,
    "annotators": [{"annotator": "ann", "labelled": 4, "skipped": 1}],
    "agreement": [
        {
            "question": "good",
            "items": 3,
            "same": 0.5,
            "alpha": {"value": 0.4, "interval": {"low": 0.1, "high": 0.7}},
        },
        {"question": "fix", "items": 0, "same": None, "alpha": None},
    ],
    "golden": [{"annotator": "ann", "question": "good", "right": 1, "answered": 2}],
}


def test_queues_are_made_of_a_file_and_listed(ask, canned, tmp_path):
    file = tmp_path / "queue.yaml"
    file.write_text("name: answers\nquestions:\n- {name: good, type: boolean}\n")
    canned.respond(QUEUE, to="POST /api/v1/annotation")
    assert ask("annotation", "create", str(file)).out == "q1\n"
    assert json.loads(canned.asked[-1].body)["questions"] == [{"name": "good", "type": "boolean"}]
    assert ask("annotation", "create", str(file), "--json").data["id"] == "q1"
    canned.respond({"items": [QUEUE], "next_cursor": None}, to="GET /api/v1/annotation")
    assert ask("annotation", "list").out.splitlines()[1] == "answers     10     4        1  10%      anybody"
    assert ask("annotation", "list", "--json").data["items"][0]["id"] == "q1"


def test_a_queue_shows_agreement_and_golden_items(ask, canned):
    canned.respond(REPORT, to="GET /api/v1/annotation/answers")
    assert ask("annotation", "show", "answers").out.splitlines() == [
        "answers: 4 of 10 done, 1 skipped",
        "annotator  labelled  skipped",
        "ann               4        1",
        "question  doubled  same  alpha",
        "good            3   50%  0.40 (0.10 to 0.70)",
        "fix             0     -  -",
        "annotator  question  golden right",
        "ann        good      1 of 2",
    ]
    assert ask("annotation", "show", "answers", "--json").data["queue"]["done"] == 4


def test_items_come_from_searches_files_datasets_and_experiments(ask, canned, tmp_path):
    canned.respond({"added": 1200}, to="POST /api/v1/annotation/answers/items")
    assert ask("annotation", "add", "answers", "route:x", "--size", "50").out == "1,200 added\n"
    asked = json.loads(canned.asked[-1].body)
    assert asked == {"traces": {"q": "route:x", "from": None, "sample": {"how": "random", "size": 50}}}
    file = tmp_path / "items.jsonl"
    file.write_text('{"input": "x", "golden": {"good": true}}\n{"input": "y"}\n')
    more = ("--file", str(file), "--dataset", "d", "--golden", "good", "--experiment", "e", "--variant", "a", "--json")
    assert ask("annotation", "add", "answers", *more).data == {"added": 1200}
    assert json.loads(canned.asked[-1].body) == {
        "items": [{"input": "x", "golden": {"good": True}}, {"input": "y"}],
        "rows": {"dataset": "d", "version": "latest", "limit": 200, "golden": "good"},
        "outputs": {"experiment": "e", "variant": "a", "limit": 200},
    }
    file.write_text("{")
    for wrong in (file, tmp_path / "none"):
        assert ask("annotation", "add", "answers", "--file", str(wrong)).code == 2


def test_labels_are_exported(ask, canned):
    canned.respond(b'{"item":{}}\n', to="GET /api/v1/annotation/answers/export")
    assert ask("annotation", "export", "answers").out == '{"item":{}}\n'
