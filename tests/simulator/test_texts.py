import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput
from penstock.simulator import ReplayConfig, SimulatorConfig
from penstock.simulator.texts import Replay, nouns_of, reasoning_text
from penstock.simulator.tokens import count_tokens, tokenize

ANSWERS = Path("../shared/data/gsm8k-answers.jsonl")


def text_of(answer):
    return json.loads(answer)["choices"][0]["message"]["content"]


@given(st.text(st.characters(exclude_categories=[])))
def test_tokens_joined_are_the_text_again(text):
    tokens = tokenize(text)
    assert "".join(tokens) == text
    assert count_tokens(text) == len(tokens)
    assert all(tokens)


def test_english_has_about_four_characters_in_a_token():
    text = "The quick brown fox jumps over the lazy dog, and nobody in the neighbourhood minds. " * 100
    assert 3.5 < len(text) / count_tokens(text) < 6


def test_nouns_are_found_within_sentences_only():
    assert nouns_of("What about New York and Rome? The end.") == ["New York", "Rome"]
    assert nouns_of("") == []


def test_a_question_without_words_has_thoughts_too():
    assert "this" in reasoning_text("???", Random(0), tokens=40)


async def test_echo_repeats_the_question(serve):
    sim = await serve(SimulatorConfig(text="echo"))
    assert text_of(await sim.chat("Say precisely this.")) == "Say precisely this."


@pytest.fixture
def recorded(tmp_path):
    lines = [
        {"q": {"text": "What is  two plus two?"}, "a.b": "Four.", "answers": {"small": "4"}},
        {"q": {"text": "Nothing here"}},
        {"other": 1},
        [1],
    ]
    path = tmp_path / "answers.jsonl"
    path.write_text("\n\n".join(json.dumps(line) for line in lines))
    return path


async def test_known_questions_get_recorded_answers_by_model_and_others_fall_back(serve, recorded):
    replay = ReplayConfig(file=recorded, question="q.text", answers={"gpt-4o": "a.b", "gpt-4o-*": "answers.small"})
    sim = await serve(SimulatorConfig(replay=replay))
    assert text_of(await sim.chat("what is two plus TWO?", model="gpt-4o")) == "Four."
    assert text_of(await sim.chat("What is two plus two?", model="gpt-4o-mini")) == "4"
    assert text_of(await sim.chat("Answer briefly.\nWhat is two plus two?", model="gpt-4o")) == "Four."
    assert "plus" in text_of(await sim.chat("What is three plus three?", model="gpt-4o"))
    assert text_of(await sim.chat("What is two plus two?", model="o4-mini")) not in ("4", "Four.")


@pytest.mark.parametrize(
    ("content", "fields", "words"),
    [
        (None, {}, "cannot be read"),
        (b"{}\n{nope\n", {}, ":2: expected a JSON object"),
        (b'{"question": "x"}', {}, "No line"),
    ],
)
def test_a_replay_file_that_does_not_fit_is_refused(tmp_path, content, fields, words):
    path = tmp_path / "answers.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInput, match=words):
        Replay(ReplayConfig(file=path, **fields))


@pytest.fixture
def real_answers():
    if not ANSWERS.exists():
        pytest.skip(f"{ANSWERS} is not on this machine")
    with ANSWERS.open() as file:
        return [json.loads(next(file)) for _ in range(20)]


async def test_real_answers_are_replayed_word_for_word(serve, real_answers):
    replay = ReplayConfig(
        file=ANSWERS, answers={"gpt-4o": "answers.gpt-4-1106-preview", "*": "answers.mixtral-8x7b-instruct"}
    )
    sim = await serve(SimulatorConfig(replay=replay))
    for record in real_answers:
        strong = await sim.chat(record["question"], model="gpt-4o")
        assert text_of(strong) == record["answers"]["gpt-4-1106-preview"]
        weak = await sim.chat(record["question"], model="gpt-4o-mini")
        assert text_of(weak) == record["answers"]["mixtral-8x7b-instruct"]


async def test_two_simulators_of_one_seed_agree_and_of_another_do_not(serve):
    async def answer(seed):
        sim = await serve(SimulatorConfig(seed=seed))
        return json.loads(await sim.chat("Why do rivers bend?"))

    first, second, third = [await answer(seed) for seed in (1, 1, 2)]
    assert first["choices"] == second["choices"] != third["choices"]
    assert first["id"] == second["id"] != third["id"]
