"""Prompts that routes serve: rendered with the caller's variables for each attempt (FAILURES E7, E8)."""

from collections.abc import Mapping

from penstock.core.errors import InvalidInput
from penstock.providers.inbound import require_messages
from penstock.providers.prompts import variables_of, with_prompt, without_variables
from penstock.providers.types import InboundCall, Target
from penstock.wire.prompts import CompiledPrompt
from penstock.wire.routing import PromptUse
from penstock.wire.templates import Renderer, Renderers

__all__ = ["Prompts", "ServedPrompt", "prompted"]


class ServedPrompt:
    """One version of a prompt as a variant serves it.

    Args:
        compiled: From the snapshot.
        renderers: Where its templates are compiled, and kept while they are in use.
        key: Its key there.

    Raises:
        InvalidInput: this gateway cannot render it.
    """

    def __init__(self, compiled: CompiledPrompt, renderers: Renderers, key: str) -> None:
        self.name = compiled.name
        self.version = str(compiled.version)
        self.digest = compiled.digest
        self._compiled = compiled
        self._renderers = renderers
        self._key = key
        self._ready()

    def applied(self, call: InboundCall, target: Target) -> InboundCall:
        """The call as it is sent: with the prompt's messages, tools, response schema and parameters.

        Raises:
            InvalidInput: a variable is missing, unknown or of another type, or a template fails with them.
        """
        return with_prompt(call, self._compiled.prompt, self._ready().render(variables_of(call)), target)

    def _ready(self) -> Renderer:
        return self._renderers.find(self._key, lambda: self._compiled)


class Prompts:
    """The prompts of one snapshot, each made ready when it is first served.

    Args:
        compiled: By the key that variants name.
    """

    def __init__(self, compiled: Mapping[str, CompiledPrompt]) -> None:
        self._compiled = compiled
        self._served: dict[str, ServedPrompt] = {}
        self._renderers = Renderers()

    def find(self, use: PromptUse) -> ServedPrompt:
        """What a variant uses.

        Raises:
            InvalidInput: this gateway cannot render it; the console is of another version.
        """
        served = self._served.get(use.key)
        if served is None:
            compiled = self._compiled.get(use.key)
            if compiled is None:
                raise InvalidInput(
                    f"The prompt {use.reference} is not in the snapshot.",
                    hint="Restart the console, which publishes it.",
                    code="prompt_not_served",
                )
            served = self._served[use.key] = ServedPrompt(compiled, self._renderers, use.key)
        return served


def prompted(prompt: ServedPrompt | None, call: InboundCall, target: Target) -> InboundCall:
    """The call for a variant of a route that serves prompts; one without leaves the messages as they came.

    Raises:
        InvalidInput: as `ServedPrompt.applied`; or there is neither a prompt nor a message.
    """
    if prompt is not None:
        return prompt.applied(call, target)
    if call.bare:
        require_messages(call)
    return without_variables(call)
