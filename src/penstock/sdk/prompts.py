"""Prompts from the registry, kept in memory so that an application never waits for the console twice.

    prompt = penstock.prompt("support/answer")
    with penstock.context(prompt=prompt):
        client.chat.completions.create(model="gpt-4o", messages=prompt.messages(question=question))

A version that is kept is given at once, however old it is; one that is older than `ttl` is asked for again in the
background. Where the console cannot be reached the last known version serves: from memory, from the folder of
`PENSTOCK_PROMPT_FOLDER`, or the caller's own `fallback`.
"""

import asyncio
import hashlib
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from penstock.core.clock import Clock, SystemClock
from penstock.core.errors import InvalidInput, PenstockError, Unavailable
from penstock.core.files import replace_file
from penstock.core.settings import process_environment
from penstock.sdk.control import path_of
from penstock.sdk.search import console_client
from penstock.wire.prompt_forms import chat_message, chat_tool
from penstock.wire.prompts import (
    DEFAULT_LABEL,
    CompiledPrompt,
    Message,
    Rendered,
    Variable,
    VariableType,
    document_of,
    has_value,
    parse_prompt_ref,
    read_prompt,
)
from penstock.wire.templates import Renderer, variables_used

__all__ = ["Fallback", "Prompt", "PromptCache", "aprompt", "prompt"]

logger = logging.getLogger("penstock")

Json = dict[str, Any]
Fallback = str | Sequence[Mapping[str, Any]] | Mapping[str, Any]
"""A text, messages, or the whole body of a prompt."""

TTL: Final = 60.0
"""Seconds."""
RETRY: Final = 10.0
"""Seconds until a refresh that failed is tried again."""
TIMEOUT: Final = 5.0
"""Seconds that a first fetch waits for the console."""
MAX_KEPT: Final = 1000
MAX_REFRESHES: Final = 4
"""At a time."""
FOLDER_VARIABLE: Final = "PENSTOCK_PROMPT_FOLDER"
_TYPES: Final[tuple[VariableType, ...]] = ("string", "boolean", "integer", "number", "array", "object")


class Prompt:
    """One version of a prompt.

    Attributes:
        name: In the registry.
        version: Its number; 0 for a fallback.
        digest: SHA-256 of its content, hex; empty for a fallback.
        is_fallback: It is what the caller gave for the case that nothing else is there.
    """

    def __init__(self, compiled: CompiledPrompt, *, is_fallback: bool = False, loose: bool = False) -> None:
        self.name = compiled.name
        self.version = compiled.version
        self.digest = compiled.digest
        self.is_fallback = is_fallback
        self._compiled = compiled
        # A text or messages alone declare no variables: each call's values say what they are.
        self._loose = loose
        self._renderer = Renderer(compiled)

    @property
    def reference(self) -> str:
        """`name@version`, as records name it."""
        return f"{self.name}@{'fallback' if self.is_fallback else self.version}"

    @property
    def variables(self) -> list[str]:
        """Names of its variables."""
        return list(self._compiled.prompt.variables)

    @property
    def parameters(self) -> Json:
        """Those that it sets: `temperature`, `top_p`, `max_output_tokens`, `stop`, `seed`."""
        return document_of(self._compiled.prompt).get("parameters", {})

    @property
    def tools(self) -> list[Json]:
        """In the form of Chat Completions."""
        return [chat_tool(tool) for tool in self._compiled.prompt.tools]

    @property
    def response_schema(self) -> Json | None:
        """JSON Schema that the answer is to have."""
        wanted = self._compiled.prompt.response_schema
        return None if wanted is None else wanted.schema

    @property
    def model(self) -> str | None:
        """What it was written for."""
        return self._compiled.prompt.model

    def text(self, **variables: Any) -> str:
        """A text prompt with these values.

        Raises:
            InvalidInput: it is a chat; or a variable is missing, unknown or of another type.
        """
        rendered = self._render(variables)
        if rendered.text is None:
            raise InvalidInput(
                f"The prompt {self.reference} is a chat, not a text.", hint="Use messages().", code="prompt_is_chat"
            )
        return rendered.text

    def messages(self, turns: Sequence[Any] = (), /, **variables: Any) -> list[Any]:
        """The messages of Chat Completions for these values. A text prompt is a message of the user.

        Args:
            turns: Messages of one's own; they stand at the placeholder, or come last.
            variables: Values by name.

        Raises:
            InvalidInput: a variable is missing, unknown or of another type.
        """
        rendered = self._render(variables)
        if rendered.text is not None:
            role = "system" if turns else "user"
            return [chat_message(Message(role=role, content=rendered.text)), *turns]
        made: list[Any] = []
        for message in rendered.messages:
            made += turns if message.role == "placeholder" else [chat_message(message)]
        has_place = any(message.role == "placeholder" for message in rendered.messages)
        return made if has_place else [*made, *turns]

    def render(self, **variables: Any) -> str | list[Any]:
        """The text of a text prompt, or the messages of a chat. Raises as `text` and `messages`."""
        return self.messages(**variables) if self._compiled.prompt.text is None else self.text(**variables)

    def _render(self, variables: Mapping[str, Any]) -> Rendered:
        if not self._loose:
            return self._renderer.render(variables)
        used = {name: value for name, value in variables.items() if name in self._compiled.prompt.variables}
        declared = dict(self._compiled.prompt.variables)
        declared |= {name: Variable(type=_type_of(name, value)) for name, value in used.items()}
        changed = msgspec.structs.replace(self._compiled.prompt, variables=declared)
        return Renderer(msgspec.structs.replace(self._compiled, prompt=changed)).render(used)


class _Served(msgspec.Struct, frozen=True):
    """What the console answers, as far as it is read."""

    compiled: CompiledPrompt


class _Kept(msgspec.Struct):
    prompt: Prompt
    refresh_at: float
    """Monotonic seconds; infinite for what never changes."""


Fetch = Callable[[str, str, str | None], bytes]


class PromptCache:
    """Versions by name and label, shared by all threads.

    Args:
        fetch: Asks the console for a prompt by name and selector, in a project; raises `PenstockError`.
        clock: Where time comes from.
        ttl: Seconds for which a label is not asked for again.
        folder: Where the last known versions are kept for the next process; None keeps none.
    """

    def __init__(self, fetch: Fetch, *, clock: Clock, ttl: float = TTL, folder: Path | None = None) -> None:
        self._fetch = fetch
        self._clock = clock
        self._ttl = ttl
        self._folder = folder
        self._kept: dict[tuple[str, str, str | None], _Kept] = {}
        self._refreshing: set[tuple[str, str, str | None]] = set()
        self._lock = threading.Lock()
        self.idle = threading.Event()
        """Set while nothing is asked for in the background."""
        self.idle.set()

    def renew(self) -> None:
        """After a fork: a thread that held the lock, or was asking, is not in the child."""
        self._lock = threading.Lock()
        self._refreshing = set()
        self.idle = threading.Event()
        self.idle.set()

    def get(self, name: str, selector: str, *, project: str | None = None, fallback: Fallback | None = None) -> Prompt:
        """The version that is kept, or else the console's, or the last known one, or the fallback.

        Raises:
            PenstockError: the console's own error when there is none of these.
        """
        key = (name, selector, project)
        kept = self._kept.get(key)
        if kept is not None:
            if self._clock.monotonic() >= kept.refresh_at:
                self._refresh(key, kept)
            return kept.prompt
        try:
            return self._ask(key)
        except PenstockError as error:
            last = self._from_folder(key) if isinstance(error, Unavailable) else None
            if last is not None:
                logger.warning("the prompt %s is the last known one: %s", name, error)
                self._keep(key, last, RETRY)
                return last
            if fallback is None:
                raise
            logger.warning("the prompt %s is the caller's fallback: %s", name, error)
            return _of_fallback(name, fallback)

    def _ask(self, key: tuple[str, str, str | None]) -> Prompt:
        data = self._fetch(*key)
        prompt = _decoded(data)
        # A number or a digest always means the same.
        self._keep(key, prompt, self._ttl if parse_prompt_ref(f"{key[0]}@{key[1]}").label else float("inf"))
        self._to_folder(key, data)
        return prompt

    def _keep(self, key: tuple[str, str, str | None], prompt: Prompt, seconds: float) -> None:
        with self._lock:
            if len(self._kept) >= MAX_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = _Kept(prompt, self._clock.monotonic() + seconds)

    def _refresh(self, key: tuple[str, str, str | None], kept: _Kept) -> None:
        """Ask in the background, once at a time for each prompt."""
        with self._lock:
            if key in self._refreshing or len(self._refreshing) >= MAX_REFRESHES:
                return
            self._refreshing.add(key)
            self.idle.clear()
        threading.Thread(target=self._refreshed, args=(key, kept), name="penstock-prompts", daemon=True).start()

    def _refreshed(self, key: tuple[str, str, str | None], kept: _Kept) -> None:
        try:
            self._ask(key)
        except PenstockError as error:
            kept.refresh_at = self._clock.monotonic() + min(RETRY, self._ttl)
            logger.warning("the prompt %s could not be asked for again; version %s serves on: %s",
                           key[0], kept.prompt.version, error)  # fmt: skip
        finally:
            with self._lock:
                self._refreshing.discard(key)
                if not self._refreshing:
                    self.idle.set()

    def _place(self, key: tuple[str, str, str | None]) -> Path | None:
        if self._folder is None:
            return None
        # A name may hold slashes: its hash is a file's name in any case.
        digest = hashlib.blake2b(msgspec.json.encode(key), digest_size=16).hexdigest()
        return self._folder / f"{digest}.json"

    def _to_folder(self, key: tuple[str, str, str | None], data: bytes) -> None:
        place = self._place(key)
        if place is None:
            return
        try:
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(place, data)
        except OSError as error:
            logger.warning("the prompt %s could not be kept in %s: %s", key[0], place.parent, error)

    def _from_folder(self, key: tuple[str, str, str | None]) -> Prompt | None:
        place = self._place(key)
        if place is None:
            return None
        try:
            return _decoded(place.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, PenstockError) as error:
            logger.warning("the prompt %s cannot be read from %s: %s", key[0], place, error)
            return None


def prompt(
    name: str,
    *,
    label: str | None = None,
    version: int | str | None = None,
    fallback: Fallback | None = None,
    project: str | None = None,
) -> Prompt:
    """A prompt from the registry. Waits for the console the first time at most.

    Args:
        name: `support/answer`.
        label: Follows this label; `production` by default.
        version: Instead: this very version, by number or `sha256:…`.
        fallback: What serves when the console was never reached: a text, messages, or the body of a prompt.
        project: Name or id; by default the key's own.

    Raises:
        InvalidInput: no console is known, or the name, label or version is none.
        NotFound: there is no such prompt or version.
        Unavailable: the console cannot be reached, and nothing is known from before.
    """
    selector = _selector(name, label, version)
    return _cache().get(name, selector, project=project, fallback=fallback)


async def aprompt(
    name: str,
    *,
    label: str | None = None,
    version: int | str | None = None,
    fallback: Fallback | None = None,
    project: str | None = None,
) -> Prompt:
    """As `prompt`, without holding up the event loop."""
    selector = _selector(name, label, version)
    cache = _cache()
    return await asyncio.to_thread(cache.get, name, selector, project=project, fallback=fallback)


def _selector(name: str, label: str | None, version: int | str | None) -> str:
    if label is not None and version is not None:
        raise InvalidInput("Expected either label or version, got both.", field="version")
    selector = str(version) if version is not None else label or DEFAULT_LABEL
    parse_prompt_ref(f"{name}@{selector}", field="name")
    return selector


class _Holder:
    """The process's own cache, made when it is first used."""

    def __init__(self) -> None:
        self.cache: PromptCache | None = None
        self.lock = threading.Lock()


_holder = _Holder()


def _cache() -> PromptCache:
    with _holder.lock:
        if _holder.cache is None:
            folder = process_environment().get(FOLDER_VARIABLE)
            _holder.cache = PromptCache(_fetch, clock=SystemClock(), folder=Path(folder) if folder else None)
        return _holder.cache


def _fetch(name: str, selector: str, project: str | None) -> bytes:
    client = console_client(None, None, timeout=TIMEOUT)
    known = parse_prompt_ref(f"{name}@{selector}")
    asked = {"label": selector} if known.label is not None else {"version": selector}
    return client.get(path_of("prompts", name.replace("/", ":")), {**asked, "project": project})


def _decoded(data: bytes) -> Prompt:
    try:
        return Prompt(msgspec.json.decode(data, type=_Served).compiled)
    except msgspec.MsgspecError as error:
        raise Unavailable(
            f"The console's answer is not what was expected: {error}.",
            hint="Is it another version of Penstock?",
            code="answer_not_understood",
        ) from error


def _of_fallback(name: str, fallback: Fallback) -> Prompt:
    loose = not isinstance(fallback, Mapping)
    if isinstance(fallback, Mapping):
        body: Json = dict(fallback)
    elif isinstance(fallback, str):
        body = {"text": fallback}
    else:
        body = {"messages": list(fallback)}
    read = read_prompt(body)
    if loose:
        read = msgspec.structs.replace(read, variables={used: Variable() for used in variables_used(read)})
    return Prompt(CompiledPrompt(name=name, version=0, digest="", prompt=read), is_fallback=True, loose=loose)


def _type_of(name: str, value: Any) -> VariableType:
    for kind in _TYPES:
        if has_value(kind, value):
            return kind
    raise InvalidInput(
        f"variables.{name}: expected what JSON can say, got {type(value).__name__}.", field=f"variables.{name}"
    )


def _after_fork() -> None:
    _holder.lock = threading.Lock()
    if _holder.cache is not None:
        _holder.cache.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
