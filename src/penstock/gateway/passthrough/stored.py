"""Which endpoints keep nothing at the provider and show nothing that was kept there."""

import re
from typing import Final

from penstock.core.errors import PermissionDenied
from penstock.gateway.passthrough.types import Endpoint
from penstock.wire.snapshot import ProviderEntry

__all__ = ["check_stored", "keeps_nothing"]

_CALLS: Final = re.compile(
    r"chat/completions|completions|fim/completions|embeddings|moderations|rerank|ocr|score|classify|pooling"
    r"|responses/(?:input_tokens|compact)"
    r"|messages|messages/count_tokens"
    r"|images/(?:generations|edits|variations)"
    r"|audio/(?:speech|transcriptions|translations)"
    r"|tokenize|detokenize"
    r"|(?:models|tunedModels)/[^/:]+"
    r":(?:generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents|predict)"
)
_LISTS: Final = re.compile(r"models(?:/[^/:]+)?")
_DEPLOYMENT: Final = re.compile(r"deployments/[^/]+/")


def keeps_nothing(endpoint: Endpoint) -> bool:
    """True for an answer to the request alone, and for the list of models; what is not known to be so is not."""
    if endpoint.method == "GET":
        return _LISTS.fullmatch(endpoint.path) is not None
    path = _DEPLOYMENT.sub("", endpoint.path, count=1) if endpoint.kind == "azure" else endpoint.path
    return endpoint.method == "POST" and _CALLS.fullmatch(path) is not None


def check_stored(endpoint: Endpoint, provider: ProviderEntry) -> None:
    """Refuse what is kept in the provider's account, where the configuration says so.

    Raises:
        PermissionDenied: `stored_not_allowed`.
    """
    if provider.passthrough == "calls" and not keeps_nothing(endpoint):
        raise PermissionDenied(
            f"{endpoint.method} /{endpoint.path} reads or leaves something in the account at {provider.name!r}, which "
            "all projects share, and that is not allowed here.",
            hint=f"Set providers.{provider.name}.passthrough to 'all' in penstock.yaml to allow it.",
            code="stored_not_allowed",
        )
