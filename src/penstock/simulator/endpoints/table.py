"""Which endpoint a path is."""

import re
from typing import Final

import msgspec

from penstock.simulator.endpoints import audio, files, images, judging
from penstock.simulator.endpoints.types import Endpoint

__all__ = ["Found", "find_endpoint"]


class Found(msgspec.Struct, frozen=True):
    label: str
    endpoint: Endpoint
    id: str = ""
    model: str | None = None


_FIXED: Final[dict[tuple[str, str], Endpoint]] = {
    ("POST", "images/generations"): images.generate,
    ("POST", "images/edits"): images.edit,
    ("POST", "images/variations"): images.edit,
    ("POST", "audio/speech"): audio.speech,
    ("POST", "audio/transcriptions"): audio.transcribe,
    ("POST", "audio/translations"): audio.transcribe,
    ("POST", "files"): files.upload,
    ("GET", "files"): files.list_files,
    ("POST", "batches"): files.create_batch,
    ("GET", "batches"): files.list_batches,
    ("POST", "moderations"): judging.moderate,
    ("POST", "rerank"): judging.rerank,
}
_OF_ONE: Final[dict[tuple[str, str], Endpoint]] = {
    ("GET", "files/{id}"): files.one_file,
    ("GET", "files/{id}/content"): files.content,
    ("DELETE", "files/{id}"): files.delete_file,
    ("GET", "batches/{id}"): files.one_batch,
    ("POST", "batches/{id}/cancel"): files.cancel_batch,
}
_ONE: Final = re.compile(r"(files|batches)/([^/]+)(/\w+)?")
_DEPLOYED: Final = re.compile(r"/openai/deployments/([^/]+)/((?:images|audio)/\w+)")
_AZURE: Final = re.compile(r"/openai/((?:files|batches)(?:/.*)?)")


def find_endpoint(method: str, path: str) -> Found | None:
    """The endpoint of `/v1/…`, or of Azure's `/openai/deployments/{model}/…` and `/openai/…`; None for another."""
    if found := _DEPLOYED.fullmatch(path):
        endpoint = _FIXED.get((method, found[2]))
        return Found(f"/openai/deployments/{{model}}/{found[2]}", endpoint, model=found[1]) if endpoint else None
    if found := _AZURE.fullmatch(path):
        return _find(method, found[1], root="/openai")
    return _find(method, path.removeprefix("/v1/"), root="/v1") if path.startswith("/v1/") else None


def _find(method: str, path: str, *, root: str) -> Found | None:
    endpoint = _FIXED.get((method, path))
    if endpoint is not None:
        return Found(f"{root}/{path}", endpoint)
    found = _ONE.fullmatch(path)
    if found is None:
        return None
    label = f"{found[1]}/{{id}}{found[3] or ''}"
    endpoint = _OF_ONE.get((method, label))
    return Found(f"{root}/{label}", endpoint, id=found[2]) if endpoint is not None else None
