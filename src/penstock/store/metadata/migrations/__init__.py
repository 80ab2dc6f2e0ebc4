"""Alembic's environment and scripts, packaged."""
