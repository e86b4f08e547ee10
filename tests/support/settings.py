"""Settings for tests, from nothing but their arguments."""

from typing import Any

from survey.settings import Settings

SECRET_KEY = "a key for tests only"


def make_settings(**given: Any) -> Settings:
    """Settings with a secret key, defaults, and what is given; no `.env` is read."""
    return Settings(_env_file=None, **{"secret_key": SECRET_KEY, **given})
