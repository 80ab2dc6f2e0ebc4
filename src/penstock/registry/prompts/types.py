"""Prompts as the control API shows them."""

from typing import Any

import msgspec

from penstock.wire.prompts import CompiledPrompt

__all__ = ["EstimateRequest", "PromptEstimate", "PromptPreview", "RenderRequest", "ServedVersion"]


class ServedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version with all that it takes to render it anywhere."""

    name: str
    version: int
    digest: str
    """Of the version, SHA-256, hex."""
    selector: str
    """What was asked for: a label, a number, a digest."""
    compiled: CompiledPrompt


class RenderRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stored version, or a body that is still being written."""

    name: str | None = None
    """Of a stored prompt, instead of `body`."""
    version: str = "latest"
    """A label, a number, `sha256:…`, `latest`."""
    body: dict[str, Any] | None = None
    variables: dict[str, Any] = {}


class PromptPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What a prompt renders to."""

    name: str | None
    version: int | None
    """Null for a body that is not stored."""
    text: str | None
    """Of a text prompt; null for a chat."""
    messages: list[dict[str, Any]]
    """Of a chat, in the form of a prompt's body."""
    variables: dict[str, Any]
    """All values, defaults included."""
    tools: list[dict[str, Any]]
    response_schema: dict[str, Any] | None
    parameters: dict[str, Any]
    model: str | None
    warnings: list[str]
    """What is declared and not used."""


class EstimateRequest(RenderRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    model: str | None = None
    """`provider/model` to price it for; the prompt's own hint when left out."""


class PromptEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """How long a prompt is, and what reading it costs. Tokens are an estimate, as the gateway's for its limits is."""

    input_tokens: int
    max_output_tokens: int | None
    """The prompt's own bound on the answer; null for none."""
    model: str | None
    input_cost: int | None
    """Nano-dollars; null when the price is not known."""
    max_cost: int | None
    """Nano-dollars, with an answer as long as the bound; null when either is not known."""
    price_version: str | None
    reason: str | None
    """Why the cost is not known."""
    missing: list[str]
    """Variables that were given no value and count as empty."""
