"""Records of the registry that the control API answers with."""

from typing import Any, Literal

import msgspec

from penstock.registry.config.diff import Difference
from penstock.wire.snapshot import ProviderKind
from penstock.wire.status import WorkerReport

__all__ = [
    "AliasView",
    "ConfigProblem",
    "ConfigState",
    "Definition",
    "DefinitionAct",
    "DefinitionProblem",
    "HealthView",
    "ModelView",
    "ModelsPage",
    "Place",
    "PriceView",
    "Proposal",
    "ProviderView",
    "Reload",
    "Terms",
    "WorkerView",
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
    live: bool
    """Whether there are workers that take calls, and every one of them serves this snapshot."""
    waiting_for: list[str]
    """Names of workers that take calls and serve an older one."""


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


class WorkerView(WorkerReport, frozen=True, kw_only=True):
    """What a gateway worker says of itself."""

    stale: bool
    """It has not reported for a while: it is gone or stuck."""
    newest: bool
    """It serves the snapshot that is published."""


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A route or a limit, and where it was written."""

    name: str
    project: str | None
    """Project id; null: all projects."""
    source: Literal["file", "api"]
    """What stands in the configuration file is changed there and nowhere else."""
    file: str | None
    line: int | None
    etag: str
    """Changes with each write; `If-Match` takes it."""
    version: str | None
    """Of a route: part of each record, and of a cache's fingerprint. Null for a limit."""
    definition: dict[str, Any]
    """In the form of the configuration file, without its project."""
    served: bool
    problem: str | None
    """Why it is not served."""
    updated: int | None
    """Microseconds since the epoch; null for the file's."""
    updated_by: str | None


class DefinitionAct(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a route or a limit."""

    version: int
    at: int
    """Microseconds since the epoch."""
    actor_kind: str
    """`key`, `user` or `system`."""
    actor: str
    action: Literal["create", "update", "delete"]
    comment: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    differences: list[Difference]


class DefinitionProblem(msgspec.Struct, frozen=True, kw_only=True):
    field: str | None
    """`strategy.fallback[0]`."""
    message: str
    hint: str | None = None


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What writing a proposed definition would do. Nothing was changed."""

    valid: bool
    problems: list[DefinitionProblem]
    """Why it would be refused."""
    differences: list[Difference]
    """From what stands now, as far as the proposal can be read."""
    etag: str | None
    """Of what stands now; null when there is nothing."""
    definition: dict[str, Any] | None
    """The proposal as it would be kept; null when it cannot be read."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a definition holds."""

    project: str
    """Id of the project that the request means."""
    everywhere: bool = False
    """True: in all projects, whatever `project` says."""

    @property
    def column(self) -> str:
        """How the store says it."""
        return "" if self.everywhere else self.project

    @property
    def entry(self) -> str | None:
        """How the snapshot says it."""
        return None if self.everywhere else self.project


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Why, and on what condition, something is written."""

    comment: str = ""
    """For the history."""
    expected: str | None = None
    """The `etag` that it must have; `*` for any."""
    create: bool = False
    """It must not exist yet."""
