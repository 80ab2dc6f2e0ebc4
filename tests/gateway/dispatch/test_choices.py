"""Strategies that choose by themselves: by weight, by rule, by who calls."""

from collections import Counter

import msgspec
import pytest

from dispatch_harness import (
    ask,
    attempts,
    call_of,
    choices,
    fails,
    healthy,
    provider_with,
    reports,
    route,
    serve,
    use,
)
from gateway_harness import Gateway, Provider
from penstock.wire.routing import (
    Breaker,
    Choice,
    Cohort,
    Conditional,
    Degradation,
    Fallback,
    OnBudget,
    Parameters,
    Rule,
    Sticky,
    Variant,
    Weighted,
)

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture(autouse=True)
def two_providers(provider: Provider, second: Provider) -> None:
    """Each answers with its own name."""
    healthy(provider, "first")
    healthy(second, "second")


class TestWeighted:
    @STREAM
    async def test_shares_are_the_weights_divided_by_their_sum(self, gateway: Gateway, *, stream: bool) -> None:
        serve(gateway, route(Weighted(choices=choices(a=3, b=1))))
        served = Counter([(await ask(gateway, stream=stream))[1] for _ in range(120)])
        # Five standard deviations of a binomial of 120 and 3/4.
        assert abs(served["first"] - 90) <= 24
        assert served["first"] + served["second"] == 120

    async def test_a_weight_of_0_is_never_chosen(self, gateway: Gateway) -> None:
        serve(gateway, route(Weighted(choices=choices(a=0, b=1))))
        assert {(await ask(gateway))[1] for _ in range(20)} == {"second"}

    async def test_a_record_names_route_variant_and_model(self, gateway: Gateway) -> None:
        serve(gateway, route(Weighted(choices=choices(a=0, b=1))))
        await ask(gateway)
        span = call_of(gateway)
        assert (span.route, span.variant, span.provider, span.target_model) == ("r", "b", "q", "m")


class TestConditional:
    @pytest.mark.parametrize(
        ("when", "fields", "headers"),
        [
            ('key.id == "key" && key.name == "app" && key.project == "default"', {}, {}),
            ('tags.tier == "gold"', {}, {"x-penstock-tags": "tier=gold"}),
            ('user == "ann"', {"user": "ann"}, {}),
            ('session == "s1"', {}, {"x-penstock-session": "s1"}),
            ('model == "r" && operation == "chat"', {}, {}),
            ("stream", {"stream": True}, {}),
            ('headers["x-app"] == "web"', {}, {"X-App": "web"}),
            ("input.tokens > 1000", {"messages": [{"role": "user", "content": "word " * 2000}]}, {}),
            ("input.bytes > 5000", {"messages": [{"role": "user", "content": "word " * 2000}]}, {}),
            ("input.messages == 2", {"messages": [{"role": "user", "content": "a"}] * 2}, {}),
            (
                "input.images == 1",
                {
                    "messages": [
                        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png,x"}}]}
                    ]
                },
                {},
            ),
            ('metadata.plan == "pro"', {"metadata": {"plan": "pro"}}, {}),
        ],
    )
    async def test_each_variable_decides(
        self, gateway: Gateway, when: str, fields: dict[str, object], headers: dict[str, str]
    ) -> None:
        strategy = Conditional(rules=(Rule(when=when, use=use("b")),), otherwise=use("a"))
        serve(gateway, route(strategy))
        assert (await ask(gateway, headers=headers, **fields))[1] == "second"
        assert (await ask(gateway, model="p/m"))[1] == "first"

    @pytest.mark.parametrize("when", ['tags.tier == "gold"', "input.tokens > 1000", 'metadata.plan == "pro"'])
    async def test_a_rule_that_is_false_or_cannot_be_evaluated_is_passed_over(
        self, gateway: Gateway, when: str
    ) -> None:
        serve(gateway, route(Conditional(rules=(Rule(when=when, use=use("b")),), otherwise=use("a"))))
        assert (await ask(gateway))[1] == "first"

    async def test_time_is_that_of_the_call(self, gateway: Gateway) -> None:
        when = "time.epoch > 1600000000 && time.hour >= 0 && time.weekday >= 1 && time.weekday <= 7 && time.minute < 60"
        serve(gateway, route(Conditional(rules=(Rule(when=when, use=use("b")),), otherwise=use("a"))))
        assert (await ask(gateway))[1] == "second"

    async def test_the_first_rule_that_is_true_decides(self, gateway: Gateway) -> None:
        rules = (Rule(when="stream", use=use("a")), Rule(when="true", use=use("b")), Rule(when="true", use=use("a")))
        serve(gateway, route(Conditional(rules=rules, otherwise=use("a"))))
        assert (await ask(gateway))[1] == "second"

    async def test_no_condition_sees_a_credential(self, gateway: Gateway) -> None:
        """FAILURES S12."""
        rules = (Rule(when='"authorization" in headers || "cookie" in headers', use=use("b")),)
        serve(gateway, route(Conditional(rules=rules, otherwise=use("a"))))
        assert (await ask(gateway, headers={"cookie": "session=1"}))[1] == "first"


class TestCohort:
    @STREAM
    async def test_a_caller_always_gets_the_same_choice(self, gateway: Gateway, *, stream: bool) -> None:
        serve(gateway, route(Cohort(by="user", choices=choices(a=1, b=1))))
        seen = {
            user: {(await ask(gateway, user=user, stream=stream))[1] for _ in range(3)}
            for user in ("ann", "bob", "eve", "joe", "kim", "lee")
        }
        assert all(len(answers) == 1 for answers in seen.values())
        assert {answer for answers in seen.values() for answer in answers} == {"first", "second"}

    async def test_the_shares_hold_over_many_callers(self, gateway: Gateway) -> None:
        serve(gateway, route(Cohort(by="session", choices=choices(a=1, b=3))))
        served = Counter(
            [(await ask(gateway, headers={"x-penstock-session": f"s{number}"}))[1] for number in range(120)]
        )
        assert abs(served["second"] - 90) <= 24

    async def test_a_caller_who_does_not_say_who_it_is_is_chosen_for_at_random(self, gateway: Gateway) -> None:
        serve(gateway, route(Cohort(by="user", choices=choices(a=1, b=1))))
        assert {(await ask(gateway))[1] for _ in range(30)} == {"first", "second"}

    async def test_a_cohort_stays_though_its_choice_is_out_of_service(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        strategy = Cohort(by="user", choices=choices(a=1, b=0))
        serve(gateway, route(strategy), providers=provider_with(gateway, "p", breaker=Breaker(minimum=1)))
        fails(provider)
        assert [(await ask(gateway, user="ann"))[0] for _ in range(3)] == [500, 500, 500]


class TestSticky:
    async def test_a_caller_moves_on_while_its_choice_is_out_and_comes_back(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        strategy = Sticky(by="user", choices=choices(a=1, b=1))
        hasty = Breaker(minimum=2, probes=1)
        both = {**provider_with(gateway, "p", breaker=hasty), "q": provider_with(gateway, "q", breaker=hasty)["q"]}
        serve(gateway, route(strategy), providers=both)
        own = (await ask(gateway, user="ann"))[1]
        mine, other = (provider, second) if own == "first" else (second, provider)
        fails(mine)
        moved = [await ask(gateway, user="ann") for _ in range(3)]
        assert [status for status, _ in moved] == [200, 200, 200]
        assert {text for _, text in moved} == {"first", "second"} - {own}
        # One success and one failure took it out of service: the later calls did not ask it.
        assert len(mine.requests) == 2
        assert len(other.requests) == 3
        assert [one.reason for one in reports(gateway) if one.state == "open"] == [
            "1 of 2 attempts failed in 30 s: upstream_error (500)"
        ]
        healthy(mine, own)
        reports(gateway, later=60)
        assert (await ask(gateway, user="ann"))[1] == own


class TestNested:
    async def test_strategies_stand_in_strategies(self, gateway: Gateway, provider: Provider) -> None:
        inner = Weighted(choices=(Choice(weight=1, use=use("a")),))
        strategy = Conditional(rules=(Rule(when="true", use=Fallback(of=(inner, use("b")))),), otherwise=use("b"))
        serve(gateway, route(strategy))
        fails(provider)
        assert await ask(gateway) == (200, "second")
        assert [span.variant for span in attempts(gateway)] == ["a", "b"]


class TestParameters:
    async def test_a_variants_parameters_go_over_the_callers(self, gateway: Gateway, provider: Provider) -> None:
        variant = Variant(
            name="a",
            models=("p/m",),
            parameters=Parameters(temperature=0.2, top_p=0.5, seed=7, stop=("END",), max_output_tokens=50),
        )
        serve(gateway, route(use("a"), variants={"a": variant}))
        await ask(gateway, temperature=1, max_tokens=500)
        sent = provider.requests[-1][1]
        assert (sent["temperature"], sent["top_p"], sent["seed"], sent["stop"]) == (0.2, 0.5, 7, ["END"])
        assert sent["max_tokens"] == 50
        await ask(gateway, max_tokens=20)
        assert provider.requests[-1][1]["max_tokens"] == 20, "a ceiling leaves a smaller value"

    async def test_the_other_variant_is_asked_with_its_own(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        warm = Variant(name="a", models=("p/m",), parameters=Parameters(temperature=0.9))
        serve(gateway, route(Fallback(of=(use("a"), use("b"))), variants={"a": warm}))
        fails(provider)
        await ask(gateway)
        assert provider.requests[-1][1]["temperature"] == 0.9
        assert "temperature" not in second.requests[-1][1]


class TestMissingSecret:
    async def test_a_variant_without_a_secret_is_passed_over(self, gateway: Gateway, second: Provider) -> None:
        """One unset variable must not take a route with other variants down."""
        missing = provider_with(gateway, "p", api_key="env:NOT_SET")
        serve(gateway, route(Fallback(of=(use("a"), use("b")))), providers=missing)
        assert await ask(gateway) == (200, "second")
        assert len(second.requests) == 1
        assert call_of(gateway).variant == "b"

    async def test_a_replica_without_a_secret_is_left_out(self, gateway: Gateway) -> None:
        pool = Variant(name="a", models=("p/m", "q/m"))
        missing = provider_with(gateway, "p", api_key="env:NOT_SET")
        serve(gateway, route(use("a"), variants={"a": pool}), providers=missing)
        assert {(await ask(gateway))[1] for _ in range(8)} == {"second"}

    @STREAM
    async def test_a_route_without_any_secret_says_which_is_missing(self, gateway: Gateway, *, stream: bool) -> None:
        missing = provider_with(gateway, "p", api_key="env:NOT_SET")
        serve(gateway, route(use("a")), providers=missing)
        answer = await gateway.chat("r", stream=stream)
        assert answer.json()["error"]["code"] == "provider_secret_missing"
        assert "NOT_SET" in answer.json()["error"]["message"]

    async def test_a_choice_that_falls_on_it_says_so(self, gateway: Gateway) -> None:
        missing = provider_with(gateway, "p", api_key="env:NOT_SET")
        serve(gateway, route(Weighted(choices=choices(a=1, b=0))), providers=missing)
        first, again = await ask(gateway), await ask(gateway)
        assert first == again == (502, "!provider_secret_missing")


@pytest.mark.parametrize("kind", ["soft", "hard"])
async def test_a_key_that_may_not_use_what_serves_for_a_spent_budget_may_not_use_the_route(
    gateway: Gateway, kind: str
) -> None:
    """FAILURES S2."""
    now = gateway.publication.catalog.snapshot.keys
    narrow = {name: msgspec.structs.replace(key, models=("p/*",)) for name, key in now.items()}
    way = OnBudget(**{kind: Degradation(use=use("b"))})
    serve(gateway, route(use("a"), on_budget=way), keys=narrow)
    assert await ask(gateway) == (403, "!model_not_allowed")
    serve(gateway, route(use("a")))
    assert await ask(gateway) == (200, "first")
