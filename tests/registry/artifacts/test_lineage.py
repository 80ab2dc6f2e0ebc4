import pytest

from artifacts_harness import ADMIN, principal
from penstock.core.errors import InvalidInput, NotFound
from penstock.registry.artifacts.types import Use


@pytest.fixture
def chain(registry):
    """A dataset, an evaluator calibrated on it, a prompt made from another one and evaluated on the dataset."""
    registry.save("rows", kind="dataset", body={"r": 1})
    registry.save("judge", kind="evaluator", uses=[Use(relation="calibrated_on", kind="dataset", name="rows")])
    registry.save("old", uses=[Use(relation="derived_from", external="trace:abc")])
    registry.save(
        "new",
        body={"n": 1},
        uses=[
            Use(relation="derived_from", kind="prompt", name="old", version="1"),
            Use(relation="evaluated_on", kind="dataset", name="rows"),
        ],
    )
    return registry


def names(graph):
    return {node.name or node.external for node in graph.nodes}


def test_what_a_version_was_made_from_is_found_upwards(chain):
    graph = chain.service.lineage.graph(ADMIN, chain.ref("new"), version="latest", direction="up")
    assert names(graph) == {"new", "old", "rows", "trace:abc"}
    assert {edge.relation for edge in graph.edges} == {"derived_from", "evaluated_on"}
    assert graph.complete


def test_what_was_made_from_a_version_is_found_downwards(chain):
    graph = chain.service.lineage.graph(ADMIN, chain.ref("rows", kind="dataset"), version="1", direction="down")
    assert names(graph) == {"rows", "judge", "new"}


def test_a_depth_is_kept_and_said(chain):
    lineage = chain.service.lineage
    near = lineage.graph(ADMIN, chain.ref("new"), version="1", direction="up", depth=1)
    assert (names(near), near.complete) == ({"new", "old", "rows"}, False)
    assert lineage.graph(ADMIN, chain.ref("new"), version="1", direction="up", depth=3).complete
    for depth in (0, 11):
        with pytest.raises(InvalidInput):
            lineage.graph(ADMIN, chain.ref("new"), version="1", depth=depth)


def test_what_the_caller_may_not_read_is_left_out(chain):
    """FAILURES S39"""
    reader = principal("prompts:read")
    graph = chain.service.lineage.graph(reader, chain.ref("new"), version="1")
    assert names(graph) == {"new", "old", "trace:abc"}
    assert all("rows" not in edge.to for edge in graph.edges)


def test_an_edge_is_recorded_once_and_may_come_later(chain):
    lineage, ref = chain.service.lineage, chain.ref("new")
    use = Use(relation="produced_by", external="experiment:1")
    assert lineage.add(ADMIN, ref, version="1", uses=[use, use]) == 1
    assert lineage.add(ADMIN, ref, version="1", uses=[use]) == 0
    assert chain.save("new", body={"n": 1}, uses=[use]).outcome == "unchanged"


@pytest.mark.parametrize(
    "use",
    [
        Use(),
        Use(kind="prompt"),
        Use(kind="prompt", name="old", external="x:1"),
        Use(external=""),
        Use(kind="prompt", name="new"),
    ],
)
def test_a_use_of_nothing_of_both_or_of_itself_is_refused(chain, use):
    with pytest.raises(InvalidInput) as caught:
        chain.service.lineage.add(ADMIN, chain.ref("new"), version="1", uses=[use])
    assert caught.value.field.startswith("uses[0]")


def test_a_use_of_what_does_not_exist_saves_nothing(chain):
    with pytest.raises(NotFound):
        chain.save("newer", uses=[Use(kind="prompt", name="missing")])
    with pytest.raises(NotFound):
        chain.service.catalog.get(chain.ref("newer"))
    with pytest.raises(InvalidInput):
        chain.service.lineage.add(ADMIN, chain.ref("new"), version="1", uses=[Use(external="x:1")] * 201)
