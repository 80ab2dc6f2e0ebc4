"""Reading, rendering and estimating prompts for people and applications."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput
from penstock.finops.pricing import Price, Pricer
from penstock.providers.estimate import estimate_input_tokens
from penstock.providers.prompts import with_prompt
from penstock.providers.types import InboundCall, Target
from penstock.registry.prompts.compile import compile_body, compile_prompt
from penstock.registry.prompts.ports import PromptVersion, PromptVersions
from penstock.registry.prompts.types import (
    EstimateRequest,
    PromptEstimate,
    PromptPreview,
    RenderRequest,
    ServedVersion,
)
from penstock.wire.prompts import (
    DEFAULT_LABEL,
    CompiledPrompt,
    Prompt,
    Rendered,
    VariableType,
    document_of,
    read_prompt,
)
from penstock.wire.snapshot import ProviderEntry, Snapshot
from penstock.wire.templates import Renderer, check_templates
from penstock.wire.usage import Usage

__all__ = ["PromptService"]

_EMPTY: Mapping[VariableType, Any] = {
    "string": "",
    "number": 0,
    "integer": 0,
    "boolean": False,
    "array": [],
    "object": {},
}
# Spelling of parameters aside, the form in which a prompt is counted depends on no provider.
_NOWHERE = Target(provider=ProviderEntry(name="", kind="openai", base_url=""), model="")


class PromptService:
    """Prompts of all projects. Methods block.

    Args:
        versions: Finds stored versions.
        snapshot: Gives what is published: providers and prices.
        clock: The moment that prices are of.
    """

    def __init__(self, versions: PromptVersions, *, snapshot: Callable[[], Snapshot], clock: Clock) -> None:
        self._versions = versions
        self._snapshot = snapshot
        self._clock = clock

    def get(self, project: str, name: str, selector: str = DEFAULT_LABEL) -> ServedVersion:
        """One version with its partials.

        Raises:
            NotFound: there is no such prompt, or no such version of it.
            InvalidInput: `prompt_invalid`: it cannot be put together with its partials.
        """
        stored = self._versions.find(project, name.replace(":", "/"), selector)
        compiled = compile_prompt(stored, self._versions, project=project)
        return ServedVersion(
            name=stored.name, version=stored.version, digest=stored.digest, selector=selector, compiled=compiled
        )

    def render(self, project: str, request: RenderRequest) -> PromptPreview:
        """What a prompt renders to.

        Raises:
            InvalidInput: the body is none, a variable does not fit, or a template fails with them.
            NotFound: there is no such prompt or version.
        """
        compiled, warnings = self._compiled(project, request)
        rendered = Renderer(compiled).render(request.variables)
        document = document_of(compiled.prompt)
        return PromptPreview(
            name=compiled.name or None,
            version=compiled.version or None,
            text=rendered.text,
            messages=[msgspec.to_builtins(message) for message in rendered.messages],
            variables=rendered.variables,
            tools=document.get("tools", []),
            response_schema=document.get("response_schema"),
            parameters=document.get("parameters", {}),
            model=compiled.prompt.model,
            warnings=warnings,
        )

    def put_together(self, project: str, request: RenderRequest) -> tuple[CompiledPrompt, Rendered]:
        """A prompt with its partials, and what it renders to. Raises as `render`."""
        compiled, _ = self._compiled(project, request)
        return compiled, Renderer(compiled).render(request.variables)

    def estimate(self, project: str, request: EstimateRequest) -> PromptEstimate:
        """How long a prompt is, also while some of its variables have no value yet.

        Raises:
            InvalidInput: the body is none, or a variable that is given does not fit.
            NotFound: there is no such prompt or version.
        """
        compiled, _ = self._compiled(project, request)
        prompt = compiled.prompt
        missing = [
            name
            for name, variable in prompt.variables.items()
            if variable.default is msgspec.UNSET and name not in request.variables
        ]
        tokens = _tokens(prompt, _rendered(compiled, request.variables, missing))
        bound = prompt.parameters.max_output_tokens
        model = request.model or prompt.model
        price = self._price(model, Usage(input=tokens))
        most = None if bound is None else self._price(model, Usage(input=tokens, output=bound)).cost
        return PromptEstimate(
            input_tokens=tokens,
            max_output_tokens=bound,
            model=model,
            input_cost=price.cost,
            max_cost=most,
            price_version=price.version,
            reason=price.reason,
            missing=missing,
        )

    def _compiled(self, project: str, request: RenderRequest) -> tuple[CompiledPrompt, list[str]]:
        """The version that is meant, and what is odd about it."""
        if (request.name is None) == (request.body is None):
            raise InvalidInput("Expected either `name` of a stored prompt or `body`.", field="body")
        if request.name is not None:
            stored = self._versions.find(project, request.name.replace(":", "/"), request.version)
        else:
            stored = PromptVersion(name="", version=0, digest="", body=request.body)
        prompt = read_prompt(stored.body)
        compiled = compile_body(stored, prompt, self._versions, project=project)
        return compiled, check_templates(prompt, inherited=_inherited(prompt, compiled))

    def _price(self, model: str | None, usage: Usage) -> Price:
        snapshot = self._snapshot()
        provider_name, _, name = (model or "").partition("/")
        provider = snapshot.providers.get(provider_name)
        if provider is None or not name:
            reason = "No model is named." if model is None else f"{model} is no provider/model that is configured."
            return Price(None, None, reason)
        pricer = Pricer(snapshot.prices, book=snapshot.price_book)
        return pricer.price(provider, name, usage, self._clock.now())


def _inherited(prompt: Prompt, compiled: CompiledPrompt) -> dict[str, Any]:
    """The variables that only its partials declare."""
    return {name: one for name, one in compiled.prompt.variables.items() if name not in prompt.variables}


def _rendered(compiled: CompiledPrompt, given: Mapping[str, Any], missing: list[str]) -> Rendered:
    renderer = Renderer(compiled)
    declared = compiled.prompt.variables
    values = dict(given)
    for name in missing:
        allowed = declared[name].enum
        values[name] = allowed[0] if allowed else _EMPTY[declared[name].type]
    try:
        return renderer.render(values)
    except InvalidInput as error:
        if error.code != "prompt_not_rendered" or not missing:
            raise
        # It asks empty values for more than they have; its templates are about as long as what they write.
        prompt = compiled.prompt
        return Rendered(text=prompt.text, messages=prompt.messages, variables=values)


def _tokens(prompt: Prompt, rendered: Rendered) -> int:
    bare = InboundCall(operation="chat", fields={}, model="", bare=True)
    call = with_prompt(bare, prompt, rendered, _NOWHERE)
    total = estimate_input_tokens(call)
    if prompt.response_schema is not None:
        schema = msgspec.json.encode(prompt.response_schema.schema)
        total += (len(schema) + 3) // 4
    return total
