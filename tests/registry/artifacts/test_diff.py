import msgspec
from hypothesis import given
from hypothesis import strategies as st

from penstock.registry.artifacts.diff import diff_json, diff_messages, diff_rows, diff_text, text_hunks


def test_json_is_compared_by_path():
    before = {"a": {"b": 1, "c": [1, 2]}, "gone": None, "t": True}
    after = {"a": {"b": 2, "c": [1, 3, 4]}, "new key": "x", "t": 1}
    found = {one["path"]: (one["change"], one.get("before"), one.get("after")) for one in diff_json(before, after)}
    assert found == {
        "a.b": ("changed", 1, 2),
        "a.c[1]": ("changed", 2, 3),
        "a.c[2]": ("added", None, 4),
        "gone": ("removed", None, None),
        "['new key']": ("added", None, "x"),
        "t": ("changed", True, 1),
    }


def test_a_list_that_grew_shorter_and_a_value_of_another_type_are_told():
    assert [one["change"] for one in diff_json([1, 2], [1])] == ["removed"]
    assert diff_json({"a": {}}, {"a": []})[0]["change"] == "changed"
    assert diff_json({"a": [1]}, {"a": "x"})[0]["change"] == "changed"


def test_text_is_compared_by_lines_and_by_words_within_them():
    before = "\n".join(["one", "two words here", "three", *"abcdefgh", "last"])
    after = "\n".join(["one", "two other words here", "three", *"abcdefgh", "final"])
    (found,) = diff_text(before, after, path="text")
    first, second = found["hunks"]
    changed = [line for line in first["lines"] if line["op"] != "same"]
    assert [(line["op"], line["text"]) for line in changed] == [
        ("removed", "two words here"),
        ("added", "two other words here"),
    ]
    assert ["added", " other"] in changed[1]["words"]
    assert (first["before_line"], second["before_line"]) == (1, 9)
    assert all("words" not in line for line in second["lines"])
    assert diff_text("x", "x", path="") == []


def test_a_text_or_line_too_long_to_compare_is_told_as_a_whole():
    (hunk,) = text_hunks("a\n" * 30_000, "b\n" * 30_000)
    assert [line["op"] for line in hunk["lines"]] == ["removed", "added"]
    (hunk,) = text_hunks("a " * 3_000, "a " * 3_000 + "b")
    assert all("words" not in line for line in hunk["lines"])


def test_messages_are_paired_and_compared_as_text():
    system = {"role": "system", "content": "Be kind.\nBe short."}
    user = {"role": "user", "content": "Hello"}
    changed = {"role": "system", "content": "Be kind.\nBe brief."}
    found = diff_messages([system, user], [changed, user, {"role": "user", "content": "More"}])
    assert [(one["change"], one["path"], one["role"]) for one in found] == [
        ("changed", "messages[0]", "system"),
        ("added", "messages[2]", "user"),
    ]
    assert found[0]["before_role"] == "system"
    assert diff_messages([user], [])[0]["change"] == "removed"
    assert diff_messages([user], [user]) == []


def test_parts_and_other_fields_of_a_message_are_compared_as_json():
    before = {"role": "user", "content": [{"type": "text", "text": "a"}], "name": "x"}
    after = {"role": "user", "content": [{"type": "text", "text": "b"}], "name": "y"}
    (found,) = diff_messages([before], [after])
    assert [one["path"] for one in found["differences"]] == ["name", "content[0].text"]


def test_rows_are_compared_by_id_and_digest():
    before = {f"r{i}": "same" for i in range(600)} | {"changed": "1", "gone": "x"}
    after = {f"r{i}": "same" for i in range(600)} | {"changed": "2", "new": "y"}
    (found,) = diff_rows(before, after)
    assert (found["added"], found["removed"], found["changed"], found["unchanged"]) == (1, 1, 1, 600)
    assert {row["id"]: row["change"] for row in found["rows"]} == {
        "changed": "changed",
        "new": "added",
        "gone": "removed",
    }
    assert diff_rows(before, before) == []
    (many,) = diff_rows({}, {str(i): "x" for i in range(2_000)})
    assert (many["added"], len(many["rows"])) == (2_000, 500)


@given(st.text(alphabet="ab \n"), st.text(alphabet="ab \n"))
def test_the_lines_of_a_text_difference_are_those_of_the_texts(before, after):
    lines = [line for hunk in text_hunks(before, after) for line in hunk["lines"]]
    for side, op in ((before, "removed"), (after, "added")):
        told = [line["text"] for line in lines if line["op"] in {op, "same"}]
        assert all(line in side.split("\n") for line in told)
    for line in lines:
        if "words" in line:
            assert "".join(text for _, text in line["words"]) == line["text"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda i: st.lists(i) | st.dictionaries(st.text(max_size=3), i),
    max_leaves=8,
)


@given(JSON, JSON)
def test_nothing_differs_only_between_equal_values(before, after):
    equal = msgspec.json.encode(before, order="sorted") == msgspec.json.encode(after, order="sorted")
    assert (diff_json(before, after) == []) == equal
