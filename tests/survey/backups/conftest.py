"""Backups are of SQLite stores: PostgreSQL has its own programs."""

import pytest


@pytest.fixture
def database_url(tmp_path) -> str:
    return f"sqlite:///{tmp_path}/csat.db"
