"""`penstock sessions` and `penstock users` against canned answers."""

from urllib.parse import parse_qs, urlsplit

ONE = {
    "id": "s/1", "other": "h1", "first": 1_700_000_000_000_000, "last": 1_700_000_060_000_000, "calls": 1200,
    "errors": 3, "spans": 1300, "tokens": 45000, "cost": 3_000_000_000, "cost_unknown": 0,
}  # fmt: skip


def row(number, **more):
    return {
        "trace_id": f"{number:032x}", "span_id": f"{number:016x}", "started": 1_700_000_000_000_000 + number,
        "status": "ok", "duration": 1_230_000, "served_model": "gpt-4o-mini", "cost": 3150, "input_preview": "Hi",
        **more,
    }  # fmt: skip


def test_sessions_are_listed_with_what_they_did(ask, canned):
    canned.respond({"items": [ONE], "sort": "-last", "next_cursor": None})
    ran = ask("sessions", "list", "status:error", "--sort", "cost", "--since", "1d")
    assert ran.out.splitlines()[1].split() == [
        "2023-11-14", "22:14:20Z", "s/1", "1,200", "3", "45,000", "$3.00", "h1",
    ]  # fmt: skip
    asked = parse_qs(urlsplit(canned.asked[0].path).query)
    assert (asked["q"], asked["sort"]) == (["status:error"], ["cost"])
    assert "from" in asked
    assert ask("sessions", "list", "--json").data == {"items": [ONE], "next_cursor": None}


def test_one_user_is_shown_with_their_calls(ask, canned):
    canned.respond(
        {"of": {**ONE, "id": "h1", "other": None}, "rows": [row(1), row(2, error_type="timeout")], "next_cursor": None}
    )
    ran = ask("users", "get", "ada/b")
    assert canned.asked[0].path == "/api/v1/users/ada%2Fb?limit=100"
    first, _, one, other = ran.out.splitlines()
    assert first.startswith("h1: 1,200 calls, 3 failed, 45,000 tokens, $3.00, 2023-11-14 22:13:20Z to ")
    assert "gpt-4o-mini" in one
    assert "ok (timeout)" in other
    assert ask("users", "get", "ada", "--json").data["of"]["id"] == "h1"


def test_more_calls_than_a_page_holds_are_put_in_order(ask, canned):
    of = {**ONE, "id": "h1", "other": None}
    canned.respond({"of": of, "rows": [row(3)], "next_cursor": "c1"}, to="GET /api/v1/users/ada?limit=2")
    canned.respond({"of": of, "rows": [row(2)], "next_cursor": "c2"}, to="GET /api/v1/users/ada?limit=1&cursor=c1")

    found = ask("users", "get", "ada", "--limit", "2", "--json").data

    assert found == {"of": of, "rows": [row(2), row(3)], "next_cursor": "c2"}
    assert len(canned.asked) == 2
