import msgspec
import pytest

from penstock.wire.span import Span, decode_span, encode_span


def a_span(**changes):
    fields = {
        "project": "p",
        "trace_id": "a" * 32,
        "span_id": "b" * 16,
        "name": "chat m",
        "kind": "llm",
        "started": 1,
    }
    return Span(**(fields | changes))


def test_a_line_reads_back_as_the_span_it_was_written_from():
    span = a_span(
        usage_raw=msgspec.Raw(b'{"prompt_tokens":3}'),
        input=msgspec.Raw(b'[{"role":"user","parts":[]}]'),
        tags={"team": "care"},
        cost=None,
    )

    read = decode_span(encode_span(span))

    assert type(read) is Span
    assert bytes(read.usage_raw) == b'{"prompt_tokens":3}'
    assert bytes(read.input) == b'[{"role":"user","parts":[]}]'
    assert (read.output, read.attributes, read.cost, read.tags) == (None, None, None, {"team": "care"})


def test_an_explicit_null_is_an_absent_value():
    line = encode_span(a_span())[:-1] + b',"output":null}'

    assert decode_span(line).output is None


def test_a_journal_line_with_its_record_field_reads_as_a_span():
    assert decode_span(b'{"record":"span",' + encode_span(a_span())[1:]) == a_span()


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"project":"p"}', b'{"project":1}'])
def test_what_is_no_span_is_refused(line):
    with pytest.raises((msgspec.ValidationError, msgspec.DecodeError)):
        decode_span(line)


def test_json_that_a_vendor_printed_over_several_lines_is_still_one_journal_line():
    span = a_span(
        usage_raw=msgspec.Raw(b'{\r\n  "prompt_tokens": 3\n}'),
        output=msgspec.Raw(b'[{"content": "two\\nlines"}]'),
    )
    line = encode_span(span)
    assert b"\n" not in line
    assert b"\r" not in line
    read = decode_span(line)
    assert bytes(read.usage_raw or b"") == b'{"prompt_tokens":3}'
    assert bytes(read.output or b"") == b'[{"content":"two\\nlines"}]'
