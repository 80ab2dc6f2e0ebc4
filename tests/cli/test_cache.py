"""`penstock cache` against canned answers."""


def test_the_kept_answers_of_a_project_are_cleared(ask, canned):
    canned.respond(status=204, to="DELETE /api/v1/cache?project=default")
    ran = ask("cache", "clear", "--project", "default")
    assert (ran.code, canned.asked[0].path) == (0, "/api/v1/cache?project=default")
    assert "forgotten" in ran.err
    assert ask("cache", "clear", "--project", "default", "--json").data == {"project": "default", "status": "cleared"}
