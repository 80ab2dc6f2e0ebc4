"""A version with its partials, ready to be rendered anywhere."""

from dataclasses import dataclass, field
from typing import Final

import msgspec

from penstock.core.errors import InvalidInput
from penstock.registry.prompts.ports import PromptVersion, PromptVersions
from penstock.wire.prompts import CompiledPrompt, Prompt, Variable, parse_prompt_ref, read_prompt

__all__ = ["compile_body", "compile_prompt"]

MAX_DEPTH: Final = 8
"""Partials within partials."""
MAX_PARTIALS: Final = 100


def compile_prompt(stored: PromptVersion, versions: PromptVersions, *, project: str) -> CompiledPrompt:
    """A stored version with all that it includes.

    Raises:
        InvalidInput: `prompt_invalid`: a partial is a chat, includes itself, or declares a variable in another way.
        NotFound: a partial is not there.
    """
    return compile_body(stored, read_prompt(stored.body), versions, project=project)


def compile_body(stored: PromptVersion, prompt: Prompt, versions: PromptVersions, *, project: str) -> CompiledPrompt:
    """As `compile_prompt`, of a body that has been read."""
    collected = _Collected(versions, project)
    variables = dict(prompt.variables)
    collected.links[""] = collected.include(prompt, variables, own=(stored.name,))
    return CompiledPrompt(
        name=stored.name,
        version=stored.version,
        digest=stored.digest,
        prompt=msgspec.structs.replace(prompt, variables=variables, partials={}),
        fragments=collected.fragments,
        links={name: links for name, links in collected.links.items() if links},
    )


@dataclass
class _Collected:
    versions: PromptVersions
    project: str
    fragments: dict[str, str] = field(default_factory=dict[str, str])
    links: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    variables: dict[str, dict[str, Variable]] = field(default_factory=dict[str, dict[str, Variable]])
    """Of each fragment, those of its own partials included."""

    def include(self, prompt: Prompt, variables: dict[str, Variable], *, own: tuple[str, ...]) -> dict[str, str]:
        """The fragments of a prompt's partials by their names there; their variables are added to `variables`."""
        found: dict[str, str] = {}
        for alias, reference in prompt.partials.items():
            place = f"partials.{alias}"
            known = parse_prompt_ref(reference, field=place)
            if known.name in own or len(own) > MAX_DEPTH:
                chain = " includes ".join((*own, known.name))
                raise InvalidInput(
                    f"{place}: a partial may not include itself, and {chain}.", field=place, code="prompt_invalid"
                )
            stored = self.versions.find(self.project, known.name, known.selector)
            fragment = f"{stored.name}@{stored.version}"
            if fragment not in self.fragments:
                self._add(fragment, stored, place, own=(*own, stored.name))
            found[alias] = fragment
            for name, variable in self.variables[fragment].items():
                declared = variables.setdefault(name, variable)
                if declared.type != variable.type:
                    raise InvalidInput(
                        f"{place}: {fragment} declares the variable {name!r} as {variable.type}, "
                        f"and here it is {declared.type}.",
                        field=f"variables.{name}",
                        code="prompt_invalid",
                    )
        return found

    def _add(self, fragment: str, stored: PromptVersion, place: str, *, own: tuple[str, ...]) -> None:
        partial = read_prompt(stored.body)
        if partial.text is None:
            raise InvalidInput(
                f"{place}: expected a text prompt, and {fragment} is a chat.", field=place, code="prompt_invalid"
            )
        if len(self.fragments) >= MAX_PARTIALS:
            raise InvalidInput(
                f"{place}: expected at most {MAX_PARTIALS} partials, theirs included.",
                field=place,
                code="prompt_invalid",
            )
        variables = dict(partial.variables)
        self.fragments[fragment] = partial.text
        self.links[fragment] = self.include(partial, variables, own=own)
        self.variables[fragment] = variables
