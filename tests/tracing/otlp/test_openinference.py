"""OpenInference, OpenLLMetry, and the spans around them."""

import json

import msgspec
import pytest

from otlp_harness import NOW, map_one


def value(raw: msgspec.Raw | None):
    return None if raw is None else msgspec.json.decode(raw)


def text(content: str, role: str = "user") -> dict:
    return {"role": role, "parts": [{"type": "text", "content": content}]}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("LLM", "llm"),
        ("EMBEDDING", "embedding"),
        ("RETRIEVER", "retriever"),
        ("RERANKER", "reranker"),
        ("TOOL", "tool"),
        ("AGENT", "agent"),
        ("CHAIN", "chain"),
        ("GUARDRAIL", "guardrail"),
        ("EVALUATOR", "evaluator"),
        ("PROMPT", "chain"),
        ("UNKNOWN", "span"),
    ],
)
def test_kinds_are_kinds(kind, expected):
    assert map_one({"openinference.span.kind": kind}).kind == expected


def test_a_model_call_has_its_messages_models_tokens_and_tools():
    """FAILURES O11"""
    record = map_one(
        {
            "openinference.span.kind": "LLM",
            "llm.provider": "openai",
            "llm.system": "openai",
            "llm.model_name": "gpt-4o-2024-08-06",
            "llm.invocation_parameters": '{"model": "gpt-4o", "stream": true}',
            "llm.finish_reason": "tool_calls",
            "llm.token_count.prompt": 100,
            "llm.token_count.completion": 40,
            "llm.token_count.total": 140,
            "input.value": '{"messages": "everything"}',
            "output.value": '{"id": "chatcmpl-9", "choices": []}',
            "llm.input_messages.0.message.role": "system",
            "llm.input_messages.0.message.content": "Be brief.",
            "llm.input_messages.10.message.role": "tool",
            "llm.input_messages.10.message.tool_call_id": "c0",
            "llm.input_messages.10.message.content": "Rain.",
            "llm.input_messages.2.message.role": "user",
            "llm.input_messages.2.message.contents.0.message_content.type": "text",
            "llm.input_messages.2.message.contents.0.message_content.text": "Look:",
            "llm.input_messages.2.message.contents.1.message_content.type": "image",
            "llm.input_messages.2.message.contents.1.message_content.image.image.url": "https://example.com/a.png",
            "llm.input_messages.2.message.contents.2.message_content.image.image.url": "data:image/png;base64,AAAA",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "get_weather",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"city": "Bern"}',
            "llm.tools.0.tool.json_schema": '{"name": "get_weather"}',
        }
    )
    system, user, tool = value(record.input)
    assert system == text("Be brief.", "system")
    assert tool["parts"] == [{"type": "tool_call_response", "id": "c0", "response": "Rain."}]
    words, address, blob = user["parts"]
    assert words == {"type": "text", "content": "Look:"}
    assert (address["type"], address["uri"]) == ("uri", "https://example.com/a.png")
    assert (blob["type"], blob["mime_type"], blob["size"]) == ("blob", "image/png", 3)
    call = {"type": "tool_call", "id": "c1", "name": "get_weather", "arguments": {"city": "Bern"}}
    assert value(record.output) == [{"role": "assistant", "parts": [call], "finish_reason": "tool_calls"}]
    assert (record.provider, record.requested_model, record.served_model) == ("openai", "gpt-4o", "gpt-4o-2024-08-06")
    assert (record.usage_input, record.usage_output, record.cost) == (100, 40, 1400)
    assert (record.operation, record.stream) == ("chat", True)
    rest = value(record.attributes)
    assert rest["gen_ai.tool.definitions"] == [{"name": "get_weather"}]
    assert rest["gen_ai.response.id"] == "chatcmpl-9"
    # What was mapped from a form of its own stays in the raw form that came beside it.
    assert rest["input.value"] == '{"messages": "everything"}'


def test_a_call_that_is_among_the_contents_and_in_a_list_is_one_call():
    prefix = "llm.output_messages.0.message"
    fields = {"id": "c1", "function.name": "w", "function.arguments": "{}"}
    record = map_one(
        {"openinference.span.kind": "LLM", f"{prefix}.contents.0.message_content.type": "tool_use"}
        | {f"{prefix}.contents.0.message_content.tool_call.{name}": given for name, given in fields.items()}
        | {f"{prefix}.tool_calls.0.tool_call.{name}": given for name, given in fields.items()}
    )
    assert value(record.output)[0]["parts"] == [{"type": "tool_call", "id": "c1", "name": "w", "arguments": {}}]


def test_a_completion_of_text_and_a_function_call_of_old_are_read():
    record = map_one(
        {
            "openinference.span.kind": "LLM",
            "llm.prompts.0.prompt.text": "Once",
            "llm.choices.0.completion.text": " upon",
        }
    )
    assert (value(record.input), value(record.output)) == ([text("Once")], [text(" upon", "assistant")])
    record = map_one(
        {
            "openinference.span.kind": "LLM",
            "llm.output_messages.0.message.function_call_name": "w",
            "llm.output_messages.0.message.function_call_arguments_json": "{}",
            "llm.output_messages.0.message.name": "bot",
            "llm.output_messages.1.message.contents.0.message_content.type": "reasoning",
            "llm.output_messages.1.message.contents.0.message_content.text": "Hm.",
        }
    )
    first, second = value(record.output)
    assert (first["name"], first["parts"][0]["name"]) == ("bot", "w")
    assert second["parts"] == [{"type": "reasoning", "content": "Hm."}]


def test_a_model_call_without_messages_shows_its_values():
    record = map_one(
        {
            "openinference.span.kind": "LLM",
            "input.value": '{"messages": [{"role": "user", "content": "Hi"}]}',
            "input.mime_type": "application/json",
            "output.value": "Hello",
        }
    )
    assert (value(record.input), value(record.output)) == ([text("Hi")], [text("Hello", "assistant")])


def test_roots_have_input_and_output():
    """FAILURES O11"""
    record = map_one({"openinference.span.kind": "CHAIN", "input.value": "in", "output.value": '{"answer": 42}'})
    assert (value(record.input), value(record.output)) == ([text("in")], [text('{"answer": 42}', "assistant")])
    # A plain span may carry them too.
    assert value(map_one({"input.value": "in"}).input) == [text("in")]


def test_a_tool_shows_its_call_and_its_result():
    record = map_one(
        {"openinference.span.kind": "TOOL", "tool.name": "w", "input.value": '{"city": "Bern"}', "output.value": "[1]"}
    )
    assert value(record.input)[0]["parts"] == [
        {"type": "tool_call", "id": None, "name": "w", "arguments": {"city": "Bern"}}
    ]
    assert value(record.output)[0]["parts"] == [{"type": "tool_call_response", "id": None, "response": [1]}]


def test_vectors_are_not_kept_and_texts_are():
    record = map_one(
        {
            "openinference.span.kind": "EMBEDDING",
            "embedding.model_name": "small",
            "embedding.embeddings.0.embedding.text": "a dam",
            "embedding.embeddings.0.embedding.vector": [0.5, 0.25, 0.125],
            "output.value": "[[0.5, 0.25, 0.125]]",
            "llm.token_count.prompt": 2,
        }
    )
    assert (record.operation, record.requested_model, record.usage_input) == ("embeddings", "small", 2)
    assert (value(record.input), record.output) == ([text("a dam")], None)
    assert value(record.attributes) == {"embedding.dimensions": [3], "output.value.characters_not_recorded": 20}


def test_documents_are_the_output_of_a_retriever():
    record = map_one(
        {
            "openinference.span.kind": "RETRIEVER",
            "input.value": "gates",
            "retrieval.documents.0.document.id": "d1",
            "retrieval.documents.0.document.content": "A gate.",
            "retrieval.documents.0.document.score": 0.9,
            "retrieval.documents.0.document.metadata": '{"page": 3}',
        }
    )
    assert value(record.output) == [{"role": "tool", "parts": [{"type": "text", "content": "A gate."}]}]
    assert value(record.attributes) == {"retrieval.documents": [{"id": "d1", "score": 0.9, "metadata": {"page": 3}}]}


def test_a_reranker_shows_its_query_and_what_it_chose():
    record = map_one(
        {
            "openinference.span.kind": "RERANKER",
            "reranker.query": "gates",
            "reranker.model_name": "rank",
            "reranker.input_documents.0.document.content": "A gate.",
            "reranker.output_documents.0.document.content": "A gate.",
            "reranker.output_documents.0.document.score": 1.5,
        }
    )
    assert (record.requested_model, value(record.input)) == ("rank", [text("gates")])
    assert value(record.output)[0]["parts"] == [{"type": "text", "content": "A gate."}]
    rest = value(record.attributes)
    assert rest["reranker.input_documents"] == [{"content": "A gate."}]
    assert rest["reranker.output_documents"] == [{"score": 1.5}]


def test_session_user_tags_and_metadata_are_found():
    record = map_one(
        {
            "openinference.span.kind": "CHAIN",
            "session.id": "s1",
            "user.id": "robin@example.com",
            "tag.tags": ["beta", "eu"],
            "penstock.tag.team": "search",
            "metadata": '{"thread": 7}',
        },
        resource={"service.name": "shop", "deployment.environment.name": "prod", "host.name": "h1"},
        scope=("openinference.x", "1.0"),
        scope_attributes={"a": 1},
    )
    assert (record.session, record.user) == ("s1", "hash of robin@example.com")
    assert record.tags == {"team": "search", "beta": "true", "eu": "true", "environment": "prod"}
    assert b"robin" not in msgspec.json.encode(record).replace(b"hash of robin@example.com", b"")
    assert value(record.attributes) == {
        "metadata": {"thread": 7},
        "otel.resource": {"deployment.environment.name": "prod", "host.name": "h1"},
        "otel.scope.name": "openinference.x",
        "otel.scope.version": "1.0",
        "otel.scope.attributes": {"a": 1},
    }


def test_a_second_id_of_the_user_is_not_written_either():
    record = map_one({"user.id": "one", "enduser.id": "two", "gen_ai.user": "three"})
    assert (record.user, record.attributes) == ("hash of one", None)


def test_openllmetry_flattens_messages_and_functions():
    record = map_one(
        {
            "llm.request.type": "chat",
            "llm.is_streaming": True,
            "gen_ai.system": "OpenAI",
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": '[{"type":"text","text":"Hi"}]',
            "gen_ai.prompt.1.role": "tool",
            "gen_ai.prompt.1.tool_call_id": "c0",
            "gen_ai.prompt.1.content": "Rain.",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": "Hello",
            "gen_ai.completion.0.finish_reason": "stop",
            "gen_ai.completion.0.tool_calls.0.id": "c1",
            "gen_ai.completion.0.tool_calls.0.name": "w",
            "gen_ai.completion.0.tool_calls.0.arguments": "{}",
            "llm.request.functions.0.name": "w",
            "llm.request.functions.0.parameters": "{}",
            "traceloop.association.properties.session_id": "s1",
            "traceloop.association.properties.user_id": "robin",
            "traceloop.association.properties.plan": "pro",
            "traceloop.prompt.key": "greeting",
            "traceloop.prompt.version": 3,
        }
    )
    assert (record.kind, record.operation, record.stream, record.provider) == ("llm", "chat", True, "OpenAI")
    assert value(record.input)[0] == text("Hi")
    assert value(record.input)[1]["parts"][0]["id"] == "c0"
    said, call = value(record.output)[0]["parts"]
    assert (said["content"], call["name"], record.finish_reasons) == ("Hello", "w", ["stop"])
    assert (record.session, record.user, record.tags) == ("s1", "hash of robin", {"plan": "pro"})
    assert (record.prompt_name, record.prompt_version) == ("greeting", "3")
    assert value(record.attributes) == {"gen_ai.tool.definitions": [{"name": "w", "parameters": {}}]}


@pytest.mark.parametrize(
    ("kind", "expected"), [("workflow", "chain"), ("task", "chain"), ("agent", "agent"), ("tool", "tool")]
)
def test_openllmetrys_entities_have_input_and_output(kind, expected):
    record = map_one(
        {
            "traceloop.span.kind": kind,
            "traceloop.entity.name": "w",
            "traceloop.entity.input": '{"args": [], "kwargs": {"city": "Bern"}}',
            "traceloop.entity.output": '"Rain."',
        }
    )
    assert record.kind == expected
    if kind == "tool":
        assert value(record.input)[0]["parts"][0]["arguments"] == {"city": "Bern"}
        assert value(record.output)[0]["parts"][0]["response"] == "Rain."
    else:
        assert "Bern" in value(record.input)[0]["parts"][0]["content"]


def test_the_first_chunk_of_a_stream_is_found_among_events():
    record = map_one(
        {"openinference.span.kind": "LLM"}, events=[("First Token Stream Event", NOW * 1000 + 900_999, {})]
    )
    assert (record.ttft, record.stream) == (900, True)


def test_a_search_in_a_vector_store_is_a_retriever():
    assert map_one({"db.system": "chroma", "db.operation": "query"}).kind == "retriever"
    assert map_one({"db.system": "chroma", "db.operation": "add"}).kind == "span"
    assert map_one({"db.system": "postgresql", "db.operation.name": "SELECT"}).kind == "span"


def test_foreign_blocks_of_messages_become_parts():
    blocks = [
        {"type": "thinking", "thinking": "Hm."},
        {"type": "tool_use", "id": "t", "name": "w", "input": {"a": 1}},
        {"type": "tool_result", "tool_use_id": "t", "content": "Rain.", "is_error": True},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "image", "detail": "low"},
        {"type": "refusal", "refusal": "No."},
        {"without": "a type"},
        7,
    ]
    record = map_one(
        {"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps([{"role": "human", "content": blocks}])}
    )
    (message,) = value(record.input)
    assert message["role"] == "user"
    kinds = [part["type"] for part in message["parts"]]
    assert kinds == [
        "reasoning", "tool_call", "tool_call_response", "blob", "blob", "uri", "image", "refusal", "text", "text",
    ]  # fmt: skip
    assert message["parts"][2]["is_error"] is True
    assert message["parts"][4]["modality"] == "audio"
