"""Alembic's entry point: runs the scripts on the connection that the caller opened."""

from alembic import context

from penstock.store.metadata.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
