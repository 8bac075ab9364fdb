"""Alembic revisions of the registry; numbered, reversible, on SQLite and PostgreSQL."""
