"""Records of the registry that the control API answers with."""

from typing import Literal

import msgspec

from penstock.registry.config.diff import Difference
from penstock.wire.snapshot import ProviderKind

__all__ = [
    "AliasView",
    "ConfigProblem",
    "ConfigState",
    "HealthView",
    "ModelView",
    "ModelsPage",
    "PriceView",
    "ProviderView",
    "Reload",
]


class ConfigProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One error of the configuration file."""

    message: str
    file: str
    line: int | None
    field: str | None


class ConfigState(msgspec.Struct, frozen=True, kw_only=True):
    """What is served, and whether the file is it."""

    file: str | None
    """None when there is no file and providers come from the environment."""
    loaded: int | None
    """When the served configuration was read, microseconds since the epoch."""
    snapshot_version: int
    error: ConfigProblem | None
    """The first error of a file that was not taken; the last good configuration is still served."""
    errors: list[ConfigProblem]
    """All errors of that file."""
    warnings: list[str]


class Reload(msgspec.Struct, frozen=True, kw_only=True):
    """What came of reading the file again."""

    outcome: Literal["unchanged", "changed", "failed"]
    differences: list[Difference] = []
    errors: list[ConfigProblem] = []
    snapshot_version: int


class HealthView(msgspec.Struct, frozen=True, kw_only=True):
    """How a provider did in the window, from recorded attempts."""

    status: Literal["ok", "degraded", "failing", "idle"]
    """`idle`: no calls; `failing`: half or more failed; `degraded`: a twentieth or more."""
    calls: int
    errors: int
    error_rate: float | None
    """0 to 1; None without calls."""
    last_success: int | None
    """Microseconds since the epoch."""
    last_error: int | None
    last_error_message: str | None


class PriceView(msgspec.Struct, frozen=True, kw_only=True):
    """Nano-dollars per million tokens; null where unknown."""

    input: int | None
    output: int | None
    cache_read: int | None
    cache_write: int | None
    reasoning: int | None
    tiered: bool
    """True when a longer prompt costs more; these are the rates of a short one."""
    version: str


class ModelView(msgspec.Struct, frozen=True, kw_only=True):
    """A model, listed or seen in the window, and what it served."""

    id: str
    """`provider/model`, as a caller names it."""
    name: str
    listed: bool
    """False for a model that was called and is not in the configuration's list."""
    price: PriceView | None
    """None is unknown."""
    calls: int
    errors: int
    tokens: int
    cost: int | None
    """Nano-dollars of the calls whose cost is known; None when none is."""
    p50: int | None
    """Microseconds."""
    p95: int | None
    ttft_p50: int | None


class ProviderView(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    kind: ProviderKind
    base_url: str
    health: HealthView
    models: list[ModelView]


class AliasView(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    targets: list[str]


class ModelsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Answer of `GET /api/v1/models`."""

    providers: list[ProviderView]
    aliases: list[AliasView]
