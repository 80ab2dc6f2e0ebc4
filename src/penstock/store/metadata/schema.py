"""The tables of the metadata store, in types that SQLite and PostgreSQL share.

Times are integer microseconds since the epoch, UTC. Ids are UUIDv7 in canonical text form.
A change here needs a migration in `migrations/versions`; a test compares the two.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from penstock.store.metadata.annotation_tables import (
    annotation_claims,
    annotation_items,
    annotation_labels,
    annotation_queues,
)
from penstock.store.metadata.artifact_tables import (
    artifact_blobs,
    artifact_branches,
    artifact_comments,
    artifact_edges,
    artifact_events,
    artifact_label_moves,
    artifact_labels,
    artifact_namespaces,
    artifact_protections,
    artifact_tags,
    artifact_texts,
    artifact_versions,
    artifacts,
    webhook_deliveries,
    webhooks,
)
from penstock.store.metadata.base import metadata
from penstock.store.metadata.calibration_tables import calibrations
from penstock.store.metadata.dataset_tables import dataset_chunks, dataset_rows
from penstock.store.metadata.experiment_tables import (
    experiment_calls,
    experiment_cells,
    experiment_judgements,
    experiment_outputs,
    experiment_rows,
    experiments,
)

__all__ = [
    "HEAD",
    "alert_deliveries",
    "alert_groups",
    "alert_policies",
    "alert_rules",
    "alert_series",
    "alert_transitions",
    "annotation_claims",
    "annotation_items",
    "annotation_labels",
    "annotation_queues",
    "artifact_blobs",
    "artifact_branches",
    "artifact_comments",
    "artifact_edges",
    "artifact_events",
    "artifact_label_moves",
    "artifact_labels",
    "artifact_namespaces",
    "artifact_protections",
    "artifact_tags",
    "artifact_texts",
    "artifact_versions",
    "artifacts",
    "audit",
    "calibrations",
    "channels",
    "counters",
    "dashboard_sets",
    "dashboards",
    "dataset_chunks",
    "dataset_rows",
    "definition_history",
    "definitions",
    "deletions",
    "experiment_calls",
    "experiment_cells",
    "experiment_judgements",
    "experiment_outputs",
    "experiment_rows",
    "experiments",
    "incident_events",
    "incidents",
    "keys",
    "memberships",
    "metadata",
    "organizations",
    "postmortems",
    "projects",
    "retention",
    "saved_views",
    "secrets",
    "sessions",
    "signin_links",
    "silences",
    "users",
    "webhook_deliveries",
    "webhooks",
]

HEAD = "0015"
"""The newest migration: what a database that this version wrote is stamped with."""

organizations = Table(
    "organizations",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("created", BigInteger, nullable=False),
)

projects = Table(
    "projects",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("organization", String(36), ForeignKey("organizations.id"), nullable=False),
    Column("name", String(63), nullable=False),
    Column("created", BigInteger, nullable=False),
    # Grows when the project's kept answers are to be forgotten.
    Column("cache_generation", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("organization", "name"),
)

users = Table(
    "users",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("organization", String(36), ForeignKey("organizations.id"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("created", BigInteger, nullable=False),
    UniqueConstraint("organization", "name"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("user", String(36), ForeignKey("users.id"), nullable=False, index=True),
    # Null: the role holds in every project, those made later included.
    Column("project", String(36), ForeignKey("projects.id")),
    Column("role", String(16), nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", String(36), ForeignKey("projects.id"), nullable=False, index=True),
    Column("name", String(100), nullable=False),
    # The first characters of the secret, for people to tell keys apart.
    Column("prefix", String(16), nullable=False),
    # SHA-256 of the secret, hex. The secret itself is nowhere.
    Column("hash", String(64), nullable=False, unique=True),
    Column("scopes", JSON, nullable=False),
    Column("models", JSON, nullable=False),
    # True: the key holds in every project; `project` is then only its default.
    Column("all_projects", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
    # Who minted it: its scopes never reach beyond theirs. Both null: the first start minted it.
    Column("creator_key", String(36), ForeignKey("keys.id")),
    Column("creator_user", String(36), ForeignKey("users.id")),
    Column("created_by", String(100), nullable=False),
    Column("expires", BigInteger),
    Column("revoked", BigInteger),
    Column("last_used", BigInteger),
)

signin_links = Table(
    "signin_links",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("user", String(36), ForeignKey("users.id"), nullable=False, index=True),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    # Set once, when the link is used or withdrawn.
    Column("used", BigInteger),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("user", String(36), ForeignKey("users.id"), nullable=False, index=True),
    Column("created", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("ended", BigInteger),
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", String(64), primary_key=True),
    # Ciphertext with the origins it may be sent to; see `penstock.core.secrets`. The value itself is nowhere.
    Column("sealed", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("created_by", String(100), nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("updated_by", String(100), nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("at", BigInteger, nullable=False),
    # `key`, `user` or `system`.
    Column("actor_kind", String(16), nullable=False),
    Column("actor", String(36)),
    Column("actor_name", String(100), nullable=False),
    Column("action", String(64), nullable=False),
    Column("target", String(36), nullable=False),
    Column("project", String(36)),
    Column("details", JSON, nullable=False),
)
Index("ix_audit_at", audit.c.at)

# Routes and limits that were written through the control API.
definitions = Table(
    "definitions",
    metadata,
    Column("id", String(36), primary_key=True),
    # `route` or `limit`.
    Column("kind", String(16), nullable=False),
    # Empty: every project. Null would make no two rows the same to a unique constraint.
    Column("project", String(36), nullable=False),
    Column("name", String(128), nullable=False),
    # Grows by one with each write; a name that is deleted and written again goes on counting.
    Column("version", BigInteger, nullable=False),
    Column("body", JSON, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("updated_by", String(100), nullable=False),
    UniqueConstraint("kind", "project", "name"),
)

definition_history = Table(
    "definition_history",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("project", String(36), nullable=False),
    Column("name", String(128), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor_kind", String(16), nullable=False),
    Column("actor", String(36)),
    Column("actor_name", String(100), nullable=False),
    # `create`, `update` or `delete`.
    Column("action", String(16), nullable=False),
    Column("before", JSON),
    Column("after", JSON),
    Column("comment", String(500), nullable=False),
    UniqueConstraint("kind", "project", "name", "version"),
)

# Alert rules and objectives, with when they are evaluated next.
alert_rules = Table(
    "alert_rules",
    metadata,
    Column("id", String(36), primary_key=True),
    # `rule` or `slo`.
    Column("kind", String(8), nullable=False),
    Column("project", String(36), ForeignKey("projects.id"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("body", JSON, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("created_by", String(100), nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("updated_by", String(100), nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("evaluated", BigInteger),
    Column("error", Text),
    UniqueConstraint("project", "kind", "name"),
)

# Where each group of a rule stands.
alert_series = Table(
    "alert_series",
    metadata,
    Column("rule", String(36), ForeignKey("alert_rules.id"), primary_key=True),
    Column("series", String(32), primary_key=True),
    Column("project", String(36), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("body", JSON, nullable=False),
)

# No reference to the rule: what happened stays when the rule is deleted.
alert_transitions = Table(
    "alert_transitions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", String(36), nullable=False),
    Column("rule", String(36), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("body", JSON, nullable=False),
)
Index("ix_alert_transitions_project_at", alert_transitions.c.project, alert_transitions.c.at)
Index("ix_alert_transitions_rule_at", alert_transitions.c.rule, alert_transitions.c.at)

alert_policies = Table(
    "alert_policies",
    metadata,
    Column("project", String(36), ForeignKey("projects.id"), primary_key=True),
    Column("body", JSON, nullable=False),
)

silences = Table(
    "silences",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", String(36), ForeignKey("projects.id"), nullable=False, index=True),
    Column("ends", BigInteger, nullable=False),
    Column("body", JSON, nullable=False),
)

# Addresses of channels are stored secrets; see `penstock.alerts.notify.vault`.
channels = Table(
    "channels",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", String(36), ForeignKey("projects.id"), nullable=False),
    Column("name", String(63), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("created_by", String(100), nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("last_sent", BigInteger),
    Column("last_error", Text),
    UniqueConstraint("project", "name"),
)

# What a channel was last told of a group of alerts.
alert_groups = Table(
    "alert_groups",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(36), nullable=False, index=True),
    Column("channel", String(36), ForeignKey("channels.id"), nullable=False, index=True),
    Column("body", JSON, nullable=False),
)

alert_deliveries = Table(
    "alert_deliveries",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("channel", String(36), ForeignKey("channels.id"), nullable=False),
    Column("created", BigInteger, nullable=False),
    # `waiting`, `sent` or `failed`.
    Column("status", String(16), nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("next_try", BigInteger),
    Column("finished", BigInteger),
    Column("title", String(200), nullable=False),
    Column("body", JSON, nullable=False),
    Column("error", Text),
)
Index("ix_alert_deliveries_status_next_try", alert_deliveries.c.status, alert_deliveries.c.next_try)
Index("ix_alert_deliveries_channel_created", alert_deliveries.c.channel, alert_deliveries.c.created)

incidents = Table(
    "incidents",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", String(36), ForeignKey("projects.id"), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("opened", BigInteger, nullable=False),
    Column("rule", String(36)),
    Column("series", String(32)),
    Column("body", JSON, nullable=False),
    UniqueConstraint("project", "number"),
)
Index("ix_incidents_rule_series", incidents.c.rule, incidents.c.series)

incident_events = Table(
    "incident_events",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("incident", String(36), ForeignKey("incidents.id"), nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
    Column("body", JSON, nullable=False),
)

# What people wrote about incidents, every version of it.
postmortems = Table(
    "postmortems",
    metadata,
    Column("incident", String(36), ForeignKey("incidents.id"), primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("markdown", Text, nullable=False),
    Column("saved", BigInteger, nullable=False),
    Column("saved_by", String(100), nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# Searches that people kept, for themselves or for all of a project.
saved_views = Table(
    "saved_views",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", String(36), nullable=False, index=True),
    # `traces`, `spans`, `sessions` or `users`.
    Column("page", String(16), nullable=False),
    # Whose it is: a person or a key, `user:<id>` or `key:<id>`.
    Column("owner", String(48), nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("body", JSON, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("updated_by", String(100), nullable=False),
)

dashboards = Table(
    "dashboards",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", String(36), nullable=False),
    Column("name", String(100), nullable=False),
    # Which of the set that every project begins with; null for people's own.
    Column("preset", String(32)),
    Column("version", BigInteger, nullable=False),
    Column("body", JSON, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("created_by", String(100), nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("updated_by", String(100), nullable=False),
    UniqueConstraint("project", "name"),
)

# Projects that were given the set: what they delete of it does not come back by itself.
dashboard_sets = Table(
    "dashboard_sets",
    metadata,
    Column("project", String(36), primary_key=True),
    Column("made", BigInteger, nullable=False),
)

# Deletions of spans and scores, how far they are, and what came of them.
deletions = Table(
    "deletions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", String(36), ForeignKey("projects.id"), nullable=False),
    # What was asked for, and what that means to the store of spans.
    Column("what", JSON, nullable=False),
    Column("selection", JSON, nullable=False),
    # `waiting`, `running` or `done`.
    Column("state", String(8), nullable=False),
    Column("requested", BigInteger, nullable=False),
    Column("requested_by", String(100), nullable=False),
    Column("started", BigInteger),
    Column("finished", BigInteger),
    # Spans that were to go when it started.
    Column("total", BigInteger, nullable=False),
    Column("spans", BigInteger, nullable=False),
    Column("scores", BigInteger, nullable=False),
    Column("lines", BigInteger, nullable=False),
    # Found when it was done: 0 verifies it.
    Column("remaining", BigInteger),
    # Why it makes no progress.
    Column("error", Text),
)
Index("ix_deletions_project_id", deletions.c.project, deletions.c.id)
Index("ix_deletions_state", deletions.c.state)

# How long a project keeps what it has; without a row, for ever.
retention = Table(
    "retention",
    metadata,
    Column("project", String(36), ForeignKey("projects.id"), primary_key=True),
    Column("body", JSON, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("updated_by", String(100), nullable=False),
)
