"""Which provider a pass-through call goes to, and who may send it there."""

import json

import pytest

from passthrough_harness import END, FORM, Caller, everything, field, read
from penstock.core.errors import InvalidInput, NotFound, PermissionDenied
from penstock.gateway.passthrough.paths import endpoint_of
from penstock.gateway.passthrough.resolve import resolve
from penstock.providers.types import Target
from penstock.wire.snapshot import KeyEntry, ProviderEntry

ENTRIES = (
    ProviderEntry(name="claude", kind="anthropic", base_url="http://c/v1"),
    ProviderEntry(name="main", kind="openai", base_url="http://m/v1"),
    ProviderEntry(name="groq", kind="openai", base_url="http://g/v1"),
    ProviderEntry(name="strict", kind="openai", base_url="http://s/v1", models=("only",), any_model=False),
    ProviderEntry(name="google", kind="gemini", base_url="http://x/v1beta"),
)


class Names:
    """Three names: an alias of two targets, an alias of one, and a listed model."""

    providers = {entry.name: entry for entry in ENTRIES}  # noqa: RUF012 - a constant of the test
    known = {"pictures": ("main/gpt-image-1", "groq/flux"), "voice": ("groq/whisper-1",), "flux": ("groq/flux",)}  # noqa: RUF012

    def named(self, model, key):
        names = self.known.get(model)
        if names is None:
            provider, slash, rest = model.partition("/")
            if not slash or provider not in self.providers:
                raise NotFound(f"The model {model!r} does not exist.", code="model_not_found")
            names = (f"{provider}/{rest}",)
        if key.models and not {model, *names} & set(key.models):
            raise PermissionDenied("no", code="model_not_allowed")
        return tuple(self.at(self.providers[name.partition("/")[0]], name.partition("/")[2]) for name in names)

    def at(self, provider, model):
        return Target(provider=provider, model=model)


async def sent(path, content=None, *, method="POST", named=None, models=(), anthropic=False, kind=None):
    """Where a call goes, and what its body is then."""
    source = content if isinstance(content, bytes) else json.dumps(content).encode() if content is not None else b""
    body = await read(Caller(source, content_type=kind or ("application/json" if content is not None else "")))
    endpoint = endpoint_of(method, path.encode(), b"", providers=Names.providers, anthropic=anthropic)
    key = KeyEntry(id="k", name="app", project="p", models=models)
    resolved = resolve(endpoint, body, named=named, targets=Names(), key=key)
    return resolved, await everything(body)


def place(resolved):
    return f"{resolved.target.provider.name}/{resolved.target.model}"


@pytest.mark.parametrize(
    ("path", "content", "options", "expected"),
    [
        ("/v1/images/generations", {"model": "pictures"}, {}, "main/gpt-image-1"),
        ("/v1/images/generations", {"model": "pictures"}, {"named": "groq"}, "groq/flux"),
        ("/v1/images/generations", {"model": "groq/sdxl"}, {}, "groq/sdxl"),
        ("/v1/images/generations", {"model": "unlisted"}, {}, "main/unlisted"),
        ("/v1/images/generations", {"model": "unlisted"}, {"named": "groq"}, "groq/unlisted"),
        ("/v1/images/generations", {"model": "meta/unlisted"}, {"named": "groq"}, "groq/meta/unlisted"),
        ("/v1/images/generations", {"prompt": "x"}, {}, "main/"),
        ("/v1/files/file-1", None, {"named": "groq"}, "groq/"),
        ("/v1/files/file-1", None, {}, "main/"),
        ("/v1/files", None, {"anthropic": True}, "claude/"),
        ("/groq/v1/images/generations", {"model": "pictures"}, {}, "groq/pictures"),
        ("/groq/v1/images/generations", {"model": "groq/flux"}, {}, "groq/flux"),
        ("/groq/v1/images/generations", {"model": "x"}, {"named": "main"}, "groq/x"),
        ("/google/v1beta/models/g:generateContent", {"contents": []}, {}, "google/g"),
    ],
)
async def test_a_call_goes_where_path_model_header_and_kind_say_in_this_order(path, content, options, expected):
    resolved, _ = await sent(path, content, **options)
    assert place(resolved) == expected


async def test_the_body_names_the_model_as_the_provider_does():
    resolved, body = await sent("/v1/images/generations", {"model": "pictures", "n": 1})
    assert json.loads(body) == {"model": "gpt-image-1", "n": 1}
    assert (resolved.alias, resolved.requested_model) == ("pictures", "pictures")
    resolved, body = await sent("/v1/images/generations", {"model": "groq/flux"})
    assert json.loads(body) == {"model": "flux"}
    assert resolved.alias is None


async def test_a_form_names_the_model_as_the_provider_does():
    resolved, body = await sent("/v1/audio/transcriptions", field("model", b"voice") + END, kind=FORM)
    assert body == field("model", b"whisper-1") + END
    assert place(resolved) == "groq/whisper-1"


async def test_a_model_in_the_path_leaves_the_body_alone():
    _, body = await sent("/google/v1beta/models/g:embedContent", {"model": "models/g", "content": {}})
    assert json.loads(body)["model"] == "models/g"


@pytest.mark.parametrize(
    ("path", "content", "options", "code"),
    [
        ("/v1/images/generations", {"model": "nobody/x"}, {}, "model_not_found"),
        ("/v1/files", None, {"named": "nobody"}, "provider_not_found"),
        ("/strict/v1/images/generations", {"model": "other"}, {}, "model_not_found"),
    ],
)
async def test_what_is_unknown_is_not_found(path, content, options, code):
    with pytest.raises(NotFound) as raised:
        await sent(path, content, **options)
    assert raised.value.code == code


async def test_header_and_model_may_not_contradict_each_other():
    with pytest.raises(InvalidInput, match="Leave one"):
        await sent("/v1/images/generations", {"model": "voice"}, named="main")


async def test_without_a_provider_of_the_kind_the_error_says_how_to_name_one(monkeypatch):
    monkeypatch.setattr(Names, "providers", {"claude": ENTRIES[0]})
    with pytest.raises(NotFound) as raised:
        await sent("/v1/files")
    assert raised.value.code == "no_provider"
    assert "x-penstock-provider" in raised.value.hint


RESTRICTED = ("groq/flux", "groq/whisper-*", "google/gemini-*")


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/v1/images/generations", {"model": "groq/flux"}),
        ("/groq/v1/images/generations", {"model": "flux"}),
        ("/groq/v1/audio/transcriptions", field("model", b"whisper-1") + END),
        ("/google/v1beta/models/gemini-x:generateContent", {}),
    ],
)
async def test_a_key_that_is_held_to_models_may_run_these(path, content):
    await sent(path, content, models=RESTRICTED, kind=FORM if isinstance(content, bytes) else None)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/v1/images/generations", {"model": "main/gpt-image-1"}),
        ("/v1/images/generations", {"model": "unlisted"}),
        ("/v1/images/generations", {"prompt": "no model"}),
        ("/groq/v1/images/generations", {"model": "sdxl"}),
        ("/groq/v1/chat/completions", b"\xff not json"),
        ("/groq/v1/batches", {"model": "flux", "input_file_id": "file-1"}),
        ("/groq/v1/files", None),
        ("/groq/v1/files/file-1/content", None),
        ("/groq/v1/images", {"model": "sdxl"}),
        ("/claude/v1/messages/batches", {"model": "claude-x"}),
        ("/google/v1beta/models/other:generateContent", {"model": "gemini-x"}),
        ("/google/v1beta/cachedContents", {"model": "gemini-x"}),
    ],
)
async def test_a_key_that_is_held_to_models_may_do_nothing_that_could_run_another(path, content):
    """FAILURES G4."""
    with pytest.raises(PermissionDenied) as raised:
        await sent(path, content, models=RESTRICTED, kind="text/plain" if isinstance(content, bytes) else None)
    assert raised.value.code == "model_not_allowed"


@pytest.mark.parametrize("models", [("groq/*",), ("*",), ()])
async def test_a_key_for_a_whole_provider_may_use_all_of_it(models):
    await sent("/groq/v1/batches", {"input_file_id": "file-1"}, models=models)
