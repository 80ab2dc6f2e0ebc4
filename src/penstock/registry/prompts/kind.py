"""The kind `prompt` of the registry of artifacts."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from penstock.registry.artifacts.diff import diff_json, diff_messages, diff_text
from penstock.registry.artifacts.types import Use
from penstock.registry.prompts.files import from_markdown, to_markdown
from penstock.wire.prompts import document_of, message_text, parse_prompt_ref, read_prompt
from penstock.wire.templates import check_templates

__all__ = ["PromptKind"]

Json = dict[str, Any]


class PromptKind:
    """See `penstock.registry.artifacts.kinds.ArtifactKind`."""

    name = "prompt"
    suffix = ".md"
    is_served = True

    def check(self, body: Any) -> Json:
        """The body with its defaults left out, its templates checked.

        Raises:
            InvalidInput: `prompt_invalid`, `template_invalid`, `variable_undeclared`, `partial_undeclared`.
        """
        prompt = read_prompt(body)
        check_templates(prompt)
        return document_of(prompt)

    def diff(self, before: Json, after: Json) -> list[Json]:
        """Messages by message, everything else by field."""
        found: list[Json] = []
        if "text" in before and "text" in after:
            found += diff_text(before["text"], after["text"], path="text")
        elif "messages" in before and "messages" in after:
            found += diff_messages(before["messages"], after["messages"])
        else:
            found += diff_json(_conversation(before), _conversation(after))
        return [*found, *diff_json(_settings(before), _settings(after))]

    def text(self, body: Json) -> str:
        """Texts, then names and descriptions of variables and tools."""
        return "\n".join(_texts(body))

    def uses(self, body: Json) -> list[Use]:
        """The partials, for the lineage."""
        references = (parse_prompt_ref(reference) for reference in body.get("partials", {}).values())
        return [Use(relation="uses", kind="prompt", name=one.name, version=one.selector) for one in references]

    def to_file(self, body: Json) -> str:
        return to_markdown(body)

    def from_file(self, text: str) -> Json:
        return from_markdown(text)


def _conversation(body: Mapping[str, Any]) -> Json:
    return {name: body[name] for name in ("text", "messages") if name in body}


def _settings(body: Mapping[str, Any]) -> Json:
    return {name: value for name, value in body.items() if name not in ("text", "messages")}


def _texts(body: Json) -> Iterator[str]:
    prompt = read_prompt(body)
    if prompt.text is not None:
        yield prompt.text
    yield from (message_text(message) for message in prompt.messages)
    for name, variable in prompt.variables.items():
        yield name
        yield variable.description or ""
    for tool in prompt.tools:
        yield tool.name
        yield tool.description or ""
    if prompt.response_schema is not None:
        yield msgspec.json.encode(prompt.response_schema.schema).decode()
    yield prompt.model or ""
