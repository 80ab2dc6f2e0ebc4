from penstock.simulator.ask import Ask, Segment
from penstock.simulator.prompt_cache import ENTRIES, PromptCache


def ask(*segments):
    return Ask(model="m", segments=list(segments), question="")


def test_a_growing_conversation_reads_what_came_before():
    """FAILURES G27"""
    cache = PromptCache()
    opening, more = Segment("system", 2000), Segment("and then", 500)
    assert cache.look_up(ask(opening), "openai") == (0, 0)
    assert cache.look_up(ask(opening, more), "openai") == (1920, 0)
    assert cache.look_up(ask(opening, more), "openai") == (2432, 0)
    assert cache.look_up(ask(more, opening), "openai") == (0, 0)


def test_short_prompts_are_not_cached():
    cache = PromptCache()
    assert [cache.look_up(ask(Segment("short", 1000)), "openai") for _ in range(2)] == [(0, 0), (0, 0)]


def test_anthropic_reads_to_the_last_known_mark_and_writes_to_the_last_one():
    cache = PromptCache()
    first = Segment("tools", 1500, cache_mark=True)
    second = Segment("system", 600, cache_mark=True)
    tail = Segment("question", 300)
    assert cache.look_up(ask(first, tail), "anthropic") == (0, 1500)
    assert cache.look_up(ask(first, second, tail), "anthropic") == (1500, 600)
    assert cache.look_up(ask(first, second, tail), "anthropic") == (2100, 0)


def test_a_fixed_share_takes_no_notice_of_what_came_before():
    assert PromptCache(share=0.25).look_up(ask(Segment("x", 100)), "anthropic") == (25, 0)


def test_the_oldest_prefixes_are_forgotten():
    """FAILURES G9"""
    cache = PromptCache()
    for number in range(ENTRIES + 5):
        cache.look_up(ask(Segment(f"{number}", 1024)), "openai")
    assert len(cache._known) == ENTRIES
    assert cache.look_up(ask(Segment("0", 1024)), "openai") == (0, 0)
    assert cache.look_up(ask(Segment(f"{ENTRIES}", 1024)), "openai") == (1024, 0)
