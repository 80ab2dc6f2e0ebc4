"""Which claims a call makes."""

import pytest

from penstock.gateway.limits.claims import Limiter, hash_user
from penstock.wire.limits import Budget, LimitEntry

SALT = b"0123456789abcdef"


def counters(limiter: Limiter, project: str = "p", key: str | None = "k", **call: object) -> list[str]:
    return [claim.counter for claim in limiter.claims(project, key, **call)]  # type: ignore[arg-type]


def test_without_limits_a_call_claims_nothing() -> None:
    assert Limiter([]).claims("p", "k", user="u", tags={"a": "b"}, tokens=5, money=5) == ()


def test_every_bound_of_a_limit_is_a_claim_with_its_own_amount() -> None:
    entry = LimitEntry(
        name="all",
        level="project",
        requests_per_second=1,
        requests_per_minute=2,
        requests_per_day=3,
        tokens_per_minute=4,
        tokens_per_day=5,
        parallel=6,
        budgets=(Budget(window="hour", hard=7), Budget(window="month", hard=9, soft=8)),
    )
    found = Limiter([entry]).claims("p", "k", tokens=50, money=600)
    assert [(one.counter, one.measure, one.window, one.amount, one.hard, one.soft, one.limit) for one in found] == [
        ("all/project:p/requests/second", "requests", "second", 1, 1, None, "all"),
        ("all/project:p/requests/minute", "requests", "minute", 1, 2, None, "all"),
        ("all/project:p/requests/day", "requests", "day", 1, 3, None, "all"),
        ("all/project:p/tokens/minute", "tokens", "minute", 50, 4, None, "all"),
        ("all/project:p/tokens/day", "tokens", "day", 50, 5, None, "all"),
        ("all/project:p/parallel/now", "parallel", "now", 1, 6, None, "all"),
        ("all/project:p/money/hour", "money", "hour", 600, 7, None, "all"),
        ("all/project:p/money/month", "money", "month", 600, 9, 8, "all"),
    ]


def test_claims_go_from_the_widest_level_to_the_narrowest() -> None:
    levels = ("tag", "user", "key", "project", "organisation")
    limiter = Limiter(
        [LimitEntry(name="l", level=level, match="t" if level == "tag" else None, parallel=1) for level in levels]
    )
    assert counters(limiter, user="u", tags={"t": "v"}) == [
        "l/organisation/parallel/now",
        "l/project:p/parallel/now",
        "l/key:k/parallel/now",
        "l/user:u/parallel/now",
        "l/tag:t=v/parallel/now",
    ]


def test_a_limit_that_names_somebody_holds_for_nobody_else() -> None:
    user = hash_user("ann@example.org", SALT)
    limiter = Limiter(
        [
            LimitEntry(name="project", level="project", match="p1", parallel=1),
            LimitEntry(name="key", level="key", match="k1", parallel=1),
            LimitEntry(name="user", level="user", match="ann@example.org", parallel=1),
            LimitEntry(name="tag", level="tag", match="team=a=b", parallel=1),
        ],
        salt=SALT,
    )
    assert counters(limiter, "p2", "k2", user=hash_user("bob", SALT), tags={"team": "a", "other": "a=b"}) == []
    assert counters(limiter, "p1", "k1", user=user, tags={"team": "a=b"}) == [
        "project/project:p1/parallel/now",
        "key/key:k1/parallel/now",
        f"user/user:{user}/parallel/now",
        "tag/tag:team=a=b/parallel/now",
    ]


@pytest.mark.parametrize("level", ["organisation", "project", "key", "user", "tag"])
def test_a_limit_of_one_project_leaves_the_others_alone(level: str) -> None:
    limiter = Limiter(
        [LimitEntry(name="l", level=level, match="t" if level == "tag" else None, project="p1", parallel=1)]
    )  # type: ignore[arg-type]
    assert len(counters(limiter, "p1", user="u", tags={"t": "v"})) == 1
    assert counters(limiter, "p2", user="u", tags={"t": "v"}) == []


def test_limits_of_different_projects_that_share_a_name_count_apart() -> None:
    """FAILURES S39: one tenant's spend must not be another's."""
    limiter = Limiter(
        [LimitEntry(name="u", level="user", project=project, parallel=1) for project in ("p1", "p2")]
        + [LimitEntry(name="u", level="user", parallel=9)]
    )
    assert counters(limiter, "p1", user="x") == ["u@p1/user:x/parallel/now", "u/user:x/parallel/now"]
    assert counters(limiter, "p2", user="x") == ["u@p2/user:x/parallel/now", "u/user:x/parallel/now"]


def test_users_and_tags_that_a_call_does_not_name_are_not_limited() -> None:
    limiter = Limiter(
        [LimitEntry(name="u", level="user", parallel=1), LimitEntry(name="t", level="tag", match="t", parallel=1)]
    )
    assert counters(limiter) == []
    assert counters(limiter, tags={"x": "y"}) == []
    assert counters(limiter, key=None, tags={"t": ""}) == ["t/tag:t=/parallel/now"]


def test_a_call_without_a_key_makes_no_claim_on_keys() -> None:
    limiter = Limiter([LimitEntry(name="k", level="key", parallel=1)])
    assert counters(limiter, key=None) == []


def test_plans_are_bounded_and_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """FAILURES G9."""
    monkeypatch.setattr("penstock.gateway.limits.claims.MAX_PLANS", 3)
    limiter = Limiter([LimitEntry(name="k", level="key", parallel=1)])
    for number in range(10):
        assert counters(limiter, key=str(number)) == [f"k/key:{number}/parallel/now"]
        assert len(limiter._plans) <= 3
    assert limiter.claims("p", "9") is limiter.claims("p", "9"), "what does not vary is made once"


def test_a_recorded_span_adds_to_the_counters_that_its_call_borrowed_from() -> None:
    """FAILURES G5."""
    limiter = Limiter(
        [
            LimitEntry(name="o", level="organisation", requests_per_day=5, budgets=(Budget(window="month", hard=9),)),
            LimitEntry(name="k", level="key", tokens_per_minute=5, tokens_per_day=7),
            LimitEntry(name="u", level="user", budgets=(Budget(window="day", soft=9),)),
        ]
    )
    call = {"user": "u1", "tags": {}, "tokens": 30}
    borrowed = counters(limiter, **call, money=4)
    found = limiter.spent(project="p", key="k", **call, cost=4)  # type: ignore[arg-type]
    assert found == [("o/organisation/money/month", 4), ("k/key:k/tokens/day", 30), ("u/user:u1/money/day", 4)]
    assert {counter for counter, _ in found} <= set(borrowed)
    assert limiter.spent(project="p", key="k", **call, cost=None) == [("k/key:k/tokens/day", 30)]  # type: ignore[arg-type]
    assert Limiter([]).spent(project="p", key="k", **call, cost=4) == []  # type: ignore[arg-type]
    assert Limiter([LimitEntry(name="x", level="key", parallel=1)]).spent(project="p", key="k", **call, cost=4) == []  # type: ignore[arg-type]
