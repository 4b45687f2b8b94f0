"""Alembic migrations of every table; here because only the top room may know all the others."""
