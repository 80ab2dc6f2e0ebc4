"""Bodies on their way: JSON whole, forms with one field read, everything else untouched."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passthrough_harness import END, FORM, Caller, everything, field, pieces, read
from penstock.core.errors import InvalidInput, TooLarge
from penstock.gateway.passthrough.body import read_body
from penstock.gateway.passthrough.form import HEAD_BYTES


async def test_json_is_read_whole_and_names_its_model():
    body = await read(
        Caller(
            b'{"model": "gpt-image-1", ', b'"user":"me","stream":true}', content_type="application/json; charset=utf-8"
        )
    )
    assert (body.model, body.user, body.stream) == ("gpt-image-1", "me", True)
    assert json.loads(await everything(body)) == {"model": "gpt-image-1", "user": "me", "stream": True}


async def test_only_the_model_of_json_is_replaced():
    source = b'{"a": 1.0000000000000000001, "model":"alias","b":"\\u00e9"}'
    body = await read(Caller(source, content_type="application/json"))
    body.name_model("dall-e-3")
    sent = await everything(body)
    assert sent == b'{"a":1.0000000000000000001,"model":"dall-e-3","b":"\\u00e9"}'
    assert body.length == len(sent)


async def test_a_model_named_twice_goes_on_once():
    body = await read(Caller(b'{"model":"forbidden","model":"allowed"}', content_type="application/json"))
    assert body.model == "allowed"
    assert await everything(body) == b'{"model":"allowed"}'


@pytest.mark.parametrize("source", [b"", b" ", b"[1, 2]", b'"x"', b'{"model": 3}', b'{"model": ""}'])
async def test_json_without_a_model_has_none(source):
    body = await read(Caller(source, content_type="application/json"))
    assert (body.model, body.user, body.stream) == (None, None, False)
    assert json.loads((await everything(body)).strip() or b"0") == json.loads(source.strip() or b"0")


@pytest.mark.parametrize("source", [b"{", b'{"model": nope}', b"\xff", b"{" * 5000])
async def test_what_is_no_json_is_refused(source):
    with pytest.raises(InvalidInput) as raised:
        await read_body(Caller(source, content_type="application/json"), max_json=10_000, max_upload=10_000)
    assert raised.value.code == "malformed_json"


async def test_json_over_its_limit_is_refused_whether_announced_or_not():
    long = Caller(*[b" " * 600] * 3, content_type="application/json")
    with pytest.raises(TooLarge):
        await read(long)
    announced = Caller(content_type="application/json", content_length="1001")
    with pytest.raises(TooLarge):
        await read(announced)
    assert announced.asked == 0


async def test_an_upload_over_its_limit_is_refused_whether_announced_or_not():
    with pytest.raises(TooLarge):
        await read(Caller(content_length="11"), max_upload=10)
    body = await read(Caller(b"12345", b"67890", b"1"), max_upload=10)
    with pytest.raises(TooLarge):
        await everything(body)


async def test_a_compressed_body_is_refused_since_its_model_could_not_be_known():
    with pytest.raises(InvalidInput) as raised:
        await read(Caller(b"x", content_encoding="gzip"))
    assert raised.value.code == "unsupported_encoding"


async def test_bytes_of_any_other_type_are_asked_for_only_when_they_are_sent():
    caller = Caller(b"abc", b"def", content_length="6")
    body = await read(caller)
    assert caller.asked == 0
    parts = body.parts()
    assert await anext(parts) == b"abc"
    assert caller.asked == 1
    assert (body.model, body.length, body.size) == (None, 6, 3)
    await parts.aclose()


async def test_no_body_has_length_0():
    caller = Caller()
    del caller.headers[b"transfer-encoding"]
    assert (await read(caller)).length == 0


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 64, 10_000])
async def test_a_forms_model_is_found_and_replaced_however_it_is_cut(size):
    before = field("language", b"en") + field("note", b"--frontier in the text")
    after = field("file", bytes(range(256)) * 8, filename="a.wav") + END
    whole = before + field("model", b"fast/whisper") + after
    caller = Caller(*pieces(whole, size), content_type=FORM, content_length=str(len(whole)))
    body = await read(caller)
    assert body.model == "fast/whisper"
    body.name_model("whisper-1")
    sent = await everything(body)
    assert sent == before + field("model", b"whisper-1") + after
    assert body.length == len(sent)


@given(
    before=st.lists(st.binary(max_size=40), max_size=3),
    model=st.text(st.characters(categories=["L", "N"]), max_size=20),
    name=st.text(min_size=1, max_size=20),
    size=st.integers(1, 200),
)
async def test_nothing_but_the_model_of_a_form_changes(before, model, name, size):
    head = b"".join(field(f"f{number}", value) for number, value in enumerate(before))
    whole = head + field("model", model.encode()) + END
    if any(b"--frontier" in value for value in before) or not name.isprintable():
        return
    body = await read(Caller(*pieces(whole, size), content_type=FORM))
    assert body.model == model
    body.name_model(name)
    assert await everything(body) == head + field("model", name.encode()) + END


async def test_a_form_is_not_held_beyond_its_head():
    """FAILURES G9."""
    big = field("file", b"x" * (3 * HEAD_BYTES), filename="a")
    caller = Caller(*pieces(big + field("model", b"late") + END, 1000), content_type=FORM)
    body = await read(caller)
    assert body.model is None
    assert HEAD_BYTES <= body.size <= HEAD_BYTES + 1000
    with pytest.raises(InvalidInput, match="before the files"):
        body.name_model("other")
    sent = await everything(body)
    assert sent == big + field("model", b"late") + END
    assert body.model == "late"


async def test_a_late_model_cannot_be_replaced_afterwards():
    big = field("file", b"x" * (2 * HEAD_BYTES), filename="a")
    body = await read(Caller(*pieces(big + field("model", b"late") + END, 4096), content_type=FORM))
    await everything(body)
    with pytest.raises(InvalidInput):
        body.name_model("other")


@pytest.mark.parametrize("gap", [0, 2 * HEAD_BYTES])
async def test_a_form_with_two_models_is_refused_wherever_the_second_stands(gap):
    """FAILURES G4: one for the allow-list and another for the provider."""
    whole = field("model", b"allowed") + field("file", b"x" * gap, filename="a") + field("model", b"forbidden") + END
    with pytest.raises(InvalidInput, match="two fields"):
        await everything(await read(Caller(*pieces(whole, 5000), content_type=FORM)))


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("multipart/form-data", field("model", b"m") + END),
        (FORM, b"--frontier\r\nno header\r\n\r\n"),
        (FORM, b"--frontier\r\nContent-Disposition: attachment\r\n\r\nx\r\n--frontier--"),
        (FORM, field("model", b"\xff") + END),
        (FORM, field("model", b"m" * 2000) + END),
    ],
)
async def test_what_is_no_form_is_refused(kind, source):
    with pytest.raises(InvalidInput):
        await everything(await read(Caller(source, content_type=kind)))


async def test_a_file_named_model_is_no_model():
    whole = field("model", b"x", filename="model.bin") + END
    body = await read(Caller(whole, content_type=FORM))
    assert body.model is None
    assert await everything(body) == whole
