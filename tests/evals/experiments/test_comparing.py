"""Judges that hold an answer against the baseline's, and embeddings by the gateway."""

from typing import Any

import pytest

from experiments_harness import Lab, echo
from penstock.core.errors import UpstreamError
from penstock.evals.evaluators.types import Item, Judgement
from penstock.evals.experiments.calls import Asked
from penstock.evals.experiments.embedding import GatewayEmbed, pack, unpack
from penstock.evals.experiments.evaluations import Evaluated
from penstock.evals.experiments.ports import Request
from penstock.evals.experiments.types import CallMark, Output, VariantSpec

BOTH = [VariantSpec(name="new", model="n"), VariantSpec(name="old", model="m")]


class Longer:
    """Says that the longer answer is better, and remembers what it was shown."""

    name, digest, paid = "better", "d" * 64, True

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None]] = []

    async def evaluate(self, item: Item) -> list[Judgement]:
        self.seen.append((item.output, item.other))
        return [Judgement(name=self.name, value=float(len(item.output) > len(item.other or "")))]


async def by_model(request: Request, trace: str) -> Output:
    output = await echo(request, trace)
    longer = "!" if request.body["model"] == "n" else ""
    return Output(text=f"{output.text}{longer}", cost=1)


def judged(lab: Lab, id_: str) -> dict[tuple[int, str], Any]:
    return {(one.position, one.variant): one.findings[0] for one in lab.place.cells(id_, failed=False).items}


async def test_a_judge_that_compares_sees_the_baselines_answer_to_the_same_row(lab: Lab):
    lab.provider.script = by_model
    judge = Longer()
    made = lab.made(3, variants=BOTH, baseline="old", repetitions=2)
    _, ended = await lab.run(made, evaluations=[Evaluated(judge, compares=True)])
    assert ended.state == "done"
    # The baseline is as good as itself, and nobody is asked about that.
    assert sorted(judge.seen) == [(f"q{n}!", f"q{n}") for n in range(3) for _ in range(2)]
    found = judged(lab, made.id)
    assert {variant: found[0, variant].value for variant in ("new", "old")} == {"new": 1.0, "old": 0.5}
    (compared,) = [one for one in lab.place.summary(made.id).comparisons if one.metric == "better"]
    assert (compared.difference.value, compared.wins) == (0.5, 3)


async def test_a_row_whose_baseline_has_no_answer_is_unscored(lab: Lab):
    """FAILURES E1"""

    async def broken(request: Request, trace: str) -> Output:
        if request.body["model"] == "m" and request.body["messages"][-1]["content"] == "q1":
            raise UpstreamError("no", upstream_status=400, retryable=False)
        return await by_model(request, trace)

    lab.provider.script = broken
    judge = Longer()
    made = lab.made(3, variants=BOTH, baseline="old")
    await lab.run(made, evaluations=[Evaluated(judge, compares=True)])
    assert "no answer" in (judged(lab, made.id)[1, "new"].error or "")
    assert len(judge.seen) == 2
    # Once it has one, only that is judged anew.
    lab.provider.script = by_model
    _, ended = await lab.run(made, evaluations=[Evaluated(judge, compares=True)])
    assert (ended.counts.done, ended.counts.errors, len(judge.seen)) == (6, 0, 3)
    assert judged(lab, made.id)[1, "new"].value == 1.0


async def test_a_judgement_holds_for_one_answer_of_the_baseline(lab: Lab):
    lab.provider.script = by_model
    judge = Longer()
    for baseline in ("m", "m", "k"):
        variants = [BOTH[0], VariantSpec(name="old", model=baseline)]
        made = lab.made(2, variants=variants, baseline="old")
        await lab.run(made, evaluations=[Evaluated(judge, compares=True)])
    # Two rows against `m`, and once more against `k`; the second experiment found all that was said before.
    assert len(judge.seen) == 4


async def test_a_run_that_is_paused_asks_nobody_to_compare_with_what_is_not_there(lab: Lab):
    class Wanted:
        def asked(self) -> str | None:
            return "pause" if len(lab.provider.asked) >= 1 else None

    lab.provider.script = by_model
    judge = Longer()
    made = lab.made(3, variants=BOTH, baseline="old", concurrency=1)
    ending, _ = await lab.run(made, evaluations=[Evaluated(judge, compares=True)], signal=Wanted())
    assert ending.state == "paused"
    _, ended = await lab.run(made, evaluations=[Evaluated(judge, compares=True)])
    assert (ended.state, ended.counts.done, len(judge.seen)) == ("done", 6, 3)


async def test_a_text_is_embedded_once():
    asked: list[str] = []
    kept: dict[str, Output] = {}

    class Gateway:
        async def embed(self, request: Request, *, trace_id: str, timeout: float) -> Output:  # noqa: ASYNC109 - as the port has it
            assert len(trace_id) == 32
            asked.append(request.body["input"][0])
            return Output(data=pack([1.0, 0.25]))

    async def consult(key: str, ask) -> Asked:
        if key not in kept:
            kept[key] = await ask(CallMark(key=key, attempt=1, started=0, fresh=True))
        return Asked(output=kept[key], attempts=1)

    embed = GatewayEmbed(Gateway(), consult, experiment="e", salt="", timeout=5)
    assert [list(one) for one in await embed(["a", "b"], model="m")] == [[1.0, 0.25]] * 2
    await embed(["b", "c"], model="m")
    assert asked == ["a", "b", "c"]
    with pytest.raises(UpstreamError):
        unpack({"no": "vector"})
