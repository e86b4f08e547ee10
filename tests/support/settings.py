"""Settings for tests, from nothing but their arguments."""

from typing import Any

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from survey.settings import Settings

SECRET_KEY = "a key for tests only"

# All customers of a test come from one client, and more often than any real ones. The limits are
# there all the same, only high.
FOR_A_CROWD = dict.fromkeys(
    (
        "CSAT_RATE_LIMIT_CLIENT",
        "CSAT_RATE_LIMIT_LINK",
        "CSAT_RATE_LIMIT_ALL",
        "CSAT_UNVERIFIED_TICKETS_PER_DAY",
    ),
    "100000000",
)


class GivenSettings(Settings):
    """Settings that look neither into the environment nor into `.env`, which takes longer than
    anything else about them."""

    @classmethod
    def settings_customise_sources(
        cls,
        _: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def make_settings(**given: Any) -> Settings:
    """Settings with a secret key, defaults, and what is given; no `.env` is read."""
    return GivenSettings(**{"secret_key": SECRET_KEY, **given})
