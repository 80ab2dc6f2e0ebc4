"""Spans of an application's own work: a decorator, a context manager, and the ids of what is going on.

Spans are OpenTelemetry's and go wherever the application's tracer provider sends them; kind, input and output are
told in OpenInference's attributes (https://arize-ai.github.io/openinference/spec/semantic_conventions.html).
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, ParamSpec, TypeVar, cast, overload

from opentelemetry import trace as otel
from opentelemetry.trace import Status, StatusCode, use_span
from opentelemetry.util.types import AttributeValue

from penstock.sdk.capture import describe, describe_arguments
from penstock.sdk.scores import score
from penstock.sdk.state import Value, active

__all__ = ["Kind", "Work", "current_span_id", "current_trace_id", "span", "trace"]

P = ParamSpec("P")
R = TypeVar("R")
Kind = Literal["llm", "embedding", "retriever", "reranker", "tool", "agent", "chain", "guardrail", "evaluator", "span"]
"""What a span stands for; `span` is any other work."""
SCOPE = "penstock"
DEFAULT_MAX_VALUE = 32 * 1024
MAX_YIELDED = 10_000
"""Values of a generator that are kept as its output."""


class Work:
    """A span in progress."""

    __slots__ = ("_span",)

    def __init__(self, span: otel.Span) -> None:
        self._span = span

    @property
    def otel_span(self) -> otel.Span:
        """OpenTelemetry's own object, for all that is not offered here."""
        return self._span

    @property
    def trace_id(self) -> str:
        """32 hex digits; all zero where nothing records traces."""
        return otel.format_trace_id(self._span.get_span_context().trace_id)

    @property
    def span_id(self) -> str:
        """16 hex digits; all zero where nothing records traces."""
        return otel.format_span_id(self._span.get_span_context().span_id)

    def set_input(self, value: object) -> None:
        """What the work was given: text as it is, anything else as JSON, cut at `init(max_value=…)` characters."""
        self._put("input", value)

    def set_output(self, value: object) -> None:
        """What came out, as in `set_input`."""
        self._put("output", value)

    def set_attribute(self, name: str, value: AttributeValue) -> None:
        self._span.set_attribute(name, value)

    def set_error(self, message: str) -> None:
        """Mark the work as failed though it raised nothing."""
        self._span.set_status(Status(StatusCode.ERROR, message))

    def score(self, name: str, value: Value, *, comment: str | None = None) -> str | None:
        """Judge this span, as `penstock.score`; None where nothing records traces."""
        if not self._span.get_span_context().is_valid:
            return None
        return score(name, value, trace_id=self.trace_id, span_id=self.span_id, comment=comment)

    def _put(self, side: str, value: object) -> None:
        setup = active()
        if self._span.is_recording() and (setup is None or setup.capture):
            text, kind = describe(value, DEFAULT_MAX_VALUE if setup is None else setup.max_value)
            self._span.set_attributes({f"{side}.value": text, f"{side}.mime_type": kind})


@contextmanager
def span(
    name: str,
    *,
    kind: Kind = "chain",
    input: object = None,  # noqa: A002 - the word that everyone looks for
    attributes: Mapping[str, AttributeValue] | None = None,
) -> Generator[Work, None, None]:
    """A span around a block; an exception that leaves it is recorded, and goes on.

    Args:
        name: Shown as the span's name.
        kind: What the work is.
        input: What it was given; None says nothing.
        attributes: Further attributes of OpenTelemetry.
    """
    with _tracer().start_as_current_span(name, attributes=_attributes(kind, attributes)) as current:
        work = Work(current)
        if input is not None:
            work.set_input(input)
        yield work


def current_trace_id() -> str | None:
    """Id of the trace of the current span, 32 hex digits; None outside of one."""
    current = otel.get_current_span().get_span_context()
    return otel.format_trace_id(current.trace_id) if current.is_valid else None


def current_span_id() -> str | None:
    """Id of the current span, 16 hex digits; None outside of one."""
    current = otel.get_current_span().get_span_context()
    return otel.format_span_id(current.span_id) if current.is_valid else None


@overload
def trace(function: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def trace(
    *,
    name: str | None = None,
    kind: Kind = "chain",
    capture_input: bool = True,
    capture_output: bool = True,
    attributes: Mapping[str, AttributeValue] | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def trace(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    kind: Kind = "chain",
    capture_input: bool = True,
    capture_output: bool = True,
    attributes: Mapping[str, AttributeValue] | None = None,
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function so that each call of it is a span, with its arguments and its result.

    Takes functions, coroutine functions, generators and asynchronous generators. A generator's span lasts from its
    first step to its end, and holds what was yielded: texts joined, other values as a list.

    Args:
        function: What to decorate; left out where options are given.
        name: Of the span; the function's own by default.
        kind: What the work is.
        capture_input: False keeps arguments out of the span.
        capture_output: False keeps results out.
        attributes: Further attributes of OpenTelemetry.
    """
    options = _Options(name, kind, capture_input, capture_output, attributes)
    if function is None:
        return lambda decorated: _decorate(decorated, options)
    return _decorate(function, options)


class _Options:
    """How a decorated function is told of."""

    __slots__ = ("attributes", "capture_input", "capture_output", "name")

    def __init__(
        self,
        name: str | None,
        kind: Kind,
        capture_input: bool,
        capture_output: bool,
        attributes: Mapping[str, AttributeValue] | None,
    ) -> None:
        self.name = name
        self.capture_input = capture_input
        self.capture_output = capture_output
        self.attributes = _attributes(kind, attributes)


def _decorate(function: Callable[P, R], options: _Options) -> Callable[P, R]:
    call = _Call(function, options)
    if inspect.isasyncgenfunction(function):
        wrapper = _around_async_generator(function, call)
    elif inspect.iscoroutinefunction(function):
        wrapper = _around_coroutine(function, call)
    elif inspect.isgeneratorfunction(function):
        wrapper = _around_generator(function, call)
    else:
        wrapper = _around_function(function, call)
    return cast("Callable[P, R]", functools.wraps(function)(wrapper))


class _Call:
    """Opens the span of one call of a function."""

    def __init__(self, function: Callable[..., object], options: _Options) -> None:
        self._options = options
        self._name = options.name or getattr(function, "__qualname__", type(function).__name__).replace("<locals>.", "")
        try:
            self._signature = inspect.signature(function)
        except ValueError:  # some functions of C have none
            self._signature = None

    def start(self, arguments: tuple[object, ...], named: dict[str, object]) -> Work:
        work = Work(_tracer().start_span(self._name, attributes=self._options.attributes))
        if self._options.capture_input and work.otel_span.is_recording():
            self._tell(work, arguments, named)
        return work

    def finish(self, work: Work, result: object) -> None:
        if self._options.capture_output and result is not None:
            work.set_output(result)

    def _tell(self, work: Work, arguments: tuple[object, ...], named: dict[str, object]) -> None:
        setup = active()
        if setup is not None and not setup.capture:
            return
        given = self._by_name(arguments, named)
        if given:
            text, kind = describe_arguments(given, DEFAULT_MAX_VALUE if setup is None else setup.max_value)
            work.otel_span.set_attributes({"input.value": text, "input.mime_type": kind})

    def _by_name(self, arguments: tuple[object, ...], named: dict[str, object]) -> dict[str, object]:
        if self._signature is None:
            return {**{str(position): value for position, value in enumerate(arguments)}, **named}
        try:
            bound = self._signature.bind(*arguments, **named)
        except TypeError:  # the call itself will say what is wrong with its arguments
            return named
        given = dict(bound.arguments)
        first = next(iter(self._signature.parameters), None)
        if first in ("self", "cls"):
            given.pop(first, None)
        return given


def _around_function(function: Callable[..., object], call: _Call) -> Callable[..., object]:
    def wrapper(*arguments: object, **named: object) -> object:
        work = call.start(arguments, named)
        with use_span(work.otel_span, end_on_exit=True):
            result = function(*arguments, **named)
            call.finish(work, result)
            return result

    return wrapper


def _around_coroutine(function: Callable[..., Any], call: _Call) -> Callable[..., object]:
    async def wrapper(*arguments: object, **named: object) -> object:
        work = call.start(arguments, named)
        with use_span(work.otel_span, end_on_exit=True):
            result = await function(*arguments, **named)
            call.finish(work, result)
            return result

    return wrapper


def _around_generator(function: Callable[..., Any], call: _Call) -> Callable[..., object]:
    def wrapper(*arguments: object, **named: object) -> Generator[object, object, object]:
        inner: Generator[object, object, object] = function(*arguments, **named)
        work, yielded = call.start(arguments, named), _Yielded()
        try:
            step: Callable[[], object] = functools.partial(next, inner)
            while True:
                # The span is current while the generator runs, and not while its consumer does.
                with _running(work):
                    try:
                        value = step()
                    except StopIteration as end:
                        return end.value
                yielded.add(value)
                try:
                    sent: object = yield value
                except GeneratorExit:
                    with _running(work):
                        inner.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - handed to the generator, as `yield from` does
                    step = functools.partial(inner.throw, error)
                else:
                    step = functools.partial(inner.send, sent)
        finally:
            call.finish(work, yielded.value)
            work.otel_span.end()

    return wrapper


def _around_async_generator(function: Callable[..., Any], call: _Call) -> Callable[..., object]:
    async def wrapper(*arguments: object, **named: object) -> AsyncGenerator[object, object]:
        inner: AsyncGenerator[object, object] = function(*arguments, **named)
        work, yielded = call.start(arguments, named), _Yielded()
        try:
            step: Callable[[], Any] = functools.partial(inner.asend, None)
            while True:
                with _running(work):
                    try:
                        value = await step()
                    except StopAsyncIteration:
                        return
                yielded.add(value)
                try:
                    sent: object = yield value
                except GeneratorExit:
                    with _running(work):
                        await inner.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - handed to the generator, as `yield from` does
                    step = functools.partial(inner.athrow, error)
                else:
                    step = functools.partial(inner.asend, sent)
        finally:
            call.finish(work, yielded.value)
            work.otel_span.end()

    return wrapper


def _running(work: Work) -> Any:
    """The span as the current one; an error that leaves is recorded on it."""
    return use_span(work.otel_span, end_on_exit=False)


class _Yielded:
    """What a generator gave: its texts joined, or else its values as a list."""

    def __init__(self) -> None:
        self._values: list[object] = []

    def add(self, value: object) -> None:
        if len(self._values) < MAX_YIELDED:
            self._values.append(value)

    @property
    def value(self) -> object:
        if not self._values:
            return None
        if all(isinstance(value, str) for value in self._values):
            return "".join(cast("list[str]", self._values))
        return self._values


class _Tracers:
    """The tracer of the provider that is global now: asking a provider for one takes longer than starting a span."""

    def __init__(self) -> None:
        self._known: tuple[otel.TracerProvider, otel.Tracer] | None = None

    def current(self) -> otel.Tracer:
        provider, known = otel.get_tracer_provider(), self._known
        if known is None or known[0] is not provider:
            known = self._known = (provider, provider.get_tracer(SCOPE))
        return known[1]


_tracer = _Tracers().current


def _attributes(kind: Kind, attributes: Mapping[str, AttributeValue] | None) -> dict[str, AttributeValue]:
    own: dict[str, AttributeValue] = {} if kind == "span" else {"openinference.span.kind": kind.upper()}
    return {**own, **(attributes or {})}
