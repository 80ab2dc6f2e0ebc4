"""What limits have used, over a real store."""

import pytest

from penstock.core.clock import ManualClock
from penstock.core.errors import InvalidInput, NotFound
from penstock.finops.service import SpendService
from penstock.store.spans.duckdb.store import DuckDbSpanStore
from penstock.testing.journal import PROJECT, JournalFolder
from penstock.wire.limits import Budget, LimitEntry, RedisSettings
from penstock.wire.snapshot import ProjectEntry, Snapshot
from penstock.wire.status import CacheReport, WorkerReport

OTHER = "01990000-0000-7000-8000-000000000002"
MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
KEYS = {PROJECT: {"k1": "laptop", "k2": "server"}, OTHER: {"k9": "theirs"}}
BUDGET = (Budget(window="day", hard=1000, soft=500),)


class Place:
    """A store, the limits that hold, and the service over both."""

    def __init__(self, folder):
        self.clock = ManualClock()
        self.journal = JournalFolder(folder / "journal")
        self.store = DuckDbSpanStore(
            folder / "spans.duckdb", journal=self.journal.folder, quarantine=self.journal.quarantine, clock=self.clock
        )
        self.limits: list[LimitEntry] = []
        self.redis: RedisSettings | None = None
        self.reports: list[WorkerReport] = []
        self.service = SpendService(
            self.store,
            snapshot=self.snapshot,
            reports=lambda: self.reports,
            key_names=lambda project: KEYS[project],
            user_hash=lambda user: f"hash of {user}",
            clock=self.clock,
        )

    def snapshot(self):
        projects = {id_: ProjectEntry(id=id_, name=name) for id_, name in ((PROJECT, "mine"), (OTHER, "theirs"))}
        return Snapshot(version=1, created=1, projects=projects, limits=tuple(self.limits), redis=self.redis)

    def spend(self, *costs, **fields):
        given = {"started": self.clock.now() - 10 * MINUTE} | fields
        self.store.load([self.journal.write(*(self.journal.span(cost=cost, **given) for cost in costs))])

    def uses(self, project=PROJECT, *, oversees=True):
        return {use.name: use for use in self.service.budgets(project, oversees=oversees).items}


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    place.store.close()


def test_a_budget_tells_who_spent_how_much_of_it_and_where_it_leads(place):
    place.limits = [LimitEntry(name="each-key", level="key", budgets=BUDGET)]
    place.spend(300, 400, key="k1")
    place.spend(60, None, key="k2", provider="p", requested_model="m")
    page = place.service.budgets(PROJECT, oversees=False)
    (use,) = page.items
    (budget,) = use.budgets
    assert (use.name, use.level, use.match, use.shared, page.at) == ("each-key", "key", [], False, place.clock.now())
    assert (budget.spent, budget.counters, budget.end - budget.start) == (760, 2, DAY)
    first, second = budget.lines
    assert (first.who.id, first.who.name, first.spent, first.share, first.state) == ("k1", "laptop", 700, 0.7, "soft")
    assert (second.spent, second.unknown, second.share, second.state) == (60, 1, 0.06, "within")
    assert first.counter == "each-key/key:k1/money/day"
    assert (first.series[-1].t, first.series[-1].total) == (place.clock.now(), 700)
    assert [point.total for point in first.series] == sorted(point.total for point in first.series)
    assert len(first.series) == 23
    assert first.forecast.method == "linear"
    assert 700 <= first.forecast.low <= first.forecast.expected <= first.forecast.high
    assert first.spenders is None


@pytest.mark.parametrize(
    ("budget", "share", "state"),
    [
        (Budget(window="hour", hard=100), 1.0, "hard"),
        (Budget(window="day", soft=200), 0.5, "within"),
        (Budget(window="month", soft=50), 2.0, "soft"),
        (Budget(window="day", hard=0), None, "hard"),
    ],
)
def test_the_state_of_a_line_is_what_its_limits_say(place, budget, share, state):
    place.limits = [LimitEntry(name="b", level="project", budgets=(budget,))]
    place.spend(100)
    (line,) = place.uses()["b"].budgets[0].lines
    assert (line.share, line.state, line.spent) == (share, state, 100)


def test_a_limit_for_a_named_user_finds_the_hash_that_stands_in_the_records(place):
    place.limits = [LimitEntry(name="u", level="user", match="ann", project=PROJECT, budgets=BUDGET)]
    place.spend(5, user="hash of ann")
    place.spend(7, user="hash of bob")
    (line,) = place.uses()["u"].budgets[0].lines
    assert (line.who.id, line.spent) == ("hash of ann", 5)
    assert line.counter == f"u@{PROJECT}/user:hash of ann/money/day"


def test_a_limit_on_a_tag_names_the_tag_with_its_value(place):
    place.limits = [
        LimitEntry(name="all", level="tag", match="job", project=PROJECT, budgets=BUDGET),
        LimitEntry(name="one", level="tag", match="job=night", project=PROJECT, budgets=BUDGET),
    ]
    place.spend(5, tags={"job": "night"})
    place.spend(7, tags={"job": "day"})
    uses = place.uses()
    assert [line.who.id for line in uses["all"].budgets[0].lines] == ["job=day", "job=night"]
    assert [line.who.id for line in uses["one"].budgets[0].lines] == ["job=night"]
    detail = place.service.budget(PROJECT, "all", oversees=False, who="job=night")
    assert [line.spenders is not None for line in detail.budgets[0].lines] == [False, True]
    assert detail.budgets[0].lines[1].spenders.routes == []


def test_keys_of_one_name_are_one_limit_with_a_line_for_each(place):
    place.limits = [LimitEntry(name="k", level="key", match=key, budgets=BUDGET) for key in ("k1", "k2")]
    place.spend(5, key="k1")
    place.spend(6, key="k2")
    place.spend(7, key="k3")
    (use,) = place.uses().values()
    assert (use.match, [line.who.name for line in use.budgets[0].lines]) == (["k1", "k2"], ["server", "laptop"])


def test_what_several_projects_share_is_shown_only_to_who_oversees_all(place):
    """FAILURES S23."""
    place.limits = [
        LimitEntry(name="company", level="organisation", budgets=BUDGET),
        LimitEntry(name="any-user", level="user", budgets=BUDGET),
        LimitEntry(name="any-job", level="tag", match="job", budgets=BUDGET),
        LimitEntry(name="own-users", level="user", project=PROJECT, budgets=BUDGET),
    ]
    place.spend(5, user="u", project=OTHER)
    place.spend(7, user="u")
    assert set(place.uses(oversees=False)) == {"own-users"}
    uses = place.uses(oversees=True)
    assert uses["company"].shared
    assert uses["company"].budgets[0].lines[0].spent == 12
    assert uses["own-users"].budgets[0].lines[0].spent == 7
    with pytest.raises(NotFound) as refused:
        place.service.budget(PROJECT, "company", oversees=False)
    assert refused.value.code == "limit_not_found"


@pytest.mark.parametrize(
    "limit",
    [
        LimitEntry(name="l", level="project", match=OTHER, budgets=BUDGET),
        LimitEntry(name="l", level="key", match="k9", budgets=BUDGET),
        LimitEntry(name="l", level="user", project=OTHER, budgets=BUDGET),
        LimitEntry(name="l", level="organisation", project=OTHER, budgets=BUDGET),
    ],
)
def test_a_limit_of_another_project_is_not_there(place, limit):
    """FAILURES S39."""
    place.limits = [limit]
    assert place.uses(PROJECT) == {}
    assert set(place.uses(OTHER)) == {"l"}


def test_of_what_each_project_or_key_has_by_itself_only_this_projects_is_shown(place):
    """FAILURES S39."""
    place.limits = [
        LimitEntry(name="each-project", level="project", budgets=BUDGET),
        LimitEntry(name="each-key", level="key", requests_per_minute=10, budgets=BUDGET),
    ]
    place.spend(5, key="k1")
    place.spend(9, 9, project=OTHER, key="k9")
    uses = place.uses(PROJECT)
    assert [(line.who.name, line.spent) for line in uses["each-project"].budgets[0].lines] == [("mine", 5)]
    assert [line.who.id for line in uses["each-key"].budgets[0].lines] == ["k1"]
    assert (uses["each-key"].rates[0].peak, uses["each-key"].rates[0].who.id) == (1, "k1")


def test_one_limit_tells_who_spends_within_its_largest_counter_or_the_chosen_one(place):
    place.limits = [
        LimitEntry(name="company", level="organisation", budgets=(*BUDGET, Budget(window="month", hard=10**6)))
    ]
    place.spend(50, key="k1", route="r", user="u", provider="p", requested_model="m", variant="v")
    place.spend(70, key="k9", project=OTHER, provider="p", requested_model="m")
    detail = place.service.budget(PROJECT, "company", oversees=True, window="day")
    (budget,) = detail.budgets
    spenders = budget.lines[0].spenders
    assert [(one.name, one.cost) for one in spenders.projects] == [("theirs", 70), ("mine", 50)]
    assert [(one.id, one.name, one.cost, one.calls) for one in spenders.keys] == [
        ("k9", "theirs", 70, 1),
        ("k1", "laptop", 50, 1),
    ]
    assert sum(one.cost for one in spenders.models) == 120
    assert [(one.name, one.cost) for one in spenders.routes] == [("r", 50)]
    assert [one.id for one in spenders.users] == ["u"]


def test_the_projects_own_limit_goes_before_one_of_all_projects_that_has_its_name(place):
    place.limits = [
        LimitEntry(name="l", level="key", project=PROJECT, parallel=1),
        LimitEntry(name="l", level="key", parallel=2),
    ]
    assert len(place.service.budgets(PROJECT, oversees=True).items) == 2
    assert place.service.budget(PROJECT, "l", oversees=False).project == PROJECT


def test_every_bound_tells_its_peak(place):
    place.limits = [
        LimitEntry(
            name="l",
            level="key",
            requests_per_second=2,
            requests_per_minute=10,
            requests_per_day=100,
            tokens_per_minute=1000,
            tokens_per_day=10_000,
            parallel=4,
        )
    ]
    start = place.clock.now() - 10 * MINUTE
    start -= start % MINUTE
    place.spend(1, 1, 1, key="k1", started=start, duration=1_000_000, usage_input=100)
    place.spend(1, key="k1", started=start + 2_000_000, usage_input=50)
    place.spend(1, 1, key="k1", started=start - 5 * HOUR, usage_input=7)
    rates = {(rate.measure, rate.window): rate for rate in place.uses()["l"].rates}
    assert {name: (rate.peak, rate.hard) for name, rate in rates.items()} == {
        ("requests", "second"): (3, 2),
        ("requests", "minute"): (4, 10),
        ("requests", "day"): (6, 100),
        ("tokens", "minute"): (350, 1000),
        ("tokens", "day"): (364, 10_000),
        ("parallel", "now"): (3, 4),
    }
    assert rates["requests", "second"].share == 1.5
    assert rates["requests", "minute"].at == start
    assert rates["tokens", "day"].at is None
    assert rates["parallel", "now"].who.name == "laptop"


def test_a_bound_that_nobody_neared_has_a_peak_of_nothing(place):
    place.limits = [LimitEntry(name="l", level="user", project=PROJECT, requests_per_minute=10)]
    (rate,) = place.uses()["l"].rates
    assert (rate.peak, rate.share, rate.at, rate.who) == (0, 0.0, None, None)


def test_with_weeks_of_past_a_forecast_is_seasonal(place):
    place.limits = [LimitEntry(name="l", level="project", budgets=BUDGET)]
    now = place.clock.now()
    spans = [place.journal.span(cost=100, started=now - now % HOUR - hours * HOUR) for hours in range(1, 20 * 24, 7)]
    place.store.load([place.journal.write(*spans)])
    (line,) = place.uses()["l"].budgets[0].lines
    assert line.forecast.method == "seasonal"


def report(worker, *, entries, size):
    cache = CacheReport(entries=entries, bytes=size)
    return WorkerReport(worker=worker, pid=1, program="1", started=1, at=1, snapshot=1, cache=cache)


def test_the_cache_tells_hits_and_savings_over_time_and_by_route_of_this_project(place):
    """FAILURES G28."""
    place.reports = [report("a", entries=2, size=100), report("b", entries=3, size=50)]
    place.spend(0, 0, route="r", cache="hit", saved=40)
    place.spend(0, route="s", cache="joined")
    place.spend(9, route="s", cache="miss")
    place.spend(0, route="r", cache="hit", saved=999, project=OTHER)
    use = place.service.cache(PROJECT, points=24)
    assert (use.totals.asked, use.totals.hits, use.totals.joined, use.totals.misses) == (4, 2, 1, 1)
    assert (use.totals.hit_rate, use.totals.saved, use.totals.saved_unknown) == (0.75, 80, 1)
    assert [(one.route, one.saved, one.hit_rate) for one in use.routes] == [("r", 80, 1.0), ("s", 0, 0.5)]
    assert sum(point.asked for point in use.series) == 4
    assert (use.step, len(use.series)) == (HOUR, 25)
    assert (use.live.workers, use.live.entries, use.live.bytes, use.live.shared) == (2, 5, 150, False)


def test_a_cache_that_workers_share_is_counted_once(place):
    place.redis = RedisSettings(url="redis://localhost")
    place.reports = [report("a", entries=3, size=100), report("b", entries=3, size=90)]
    live = place.service.cache(PROJECT).live
    assert (live.entries, live.bytes, live.shared) == (3, 100, True)


def test_a_cache_that_nobody_asked_has_no_hit_rate(place):
    use = place.service.cache(PROJECT)
    assert (use.totals.hit_rate, use.routes, use.live.workers) == (None, [], 0)
    assert use.to - use.from_ == DAY


@pytest.mark.parametrize("wrong", [{"from_": 5, "to": 5}, {"points": 0}, {"points": 1001}])
def test_a_window_or_number_of_points_that_cannot_be_is_refused(place, wrong):
    with pytest.raises(InvalidInput):
        place.service.cache(PROJECT, **wrong)
