"""The web entry: the survey site, for `csat serve` and for any other WSGI server.

Another server finds it as `wsgi:application`; `csat db upgrade` comes before its first start.
"""

import sys
from typing import TYPE_CHECKING

from survey.serving.worker import run_worker

if TYPE_CHECKING:
    from survey.site.context import SurveySite


def create_site() -> "SurveySite":
    """Return the site as the environment configures it; its database must be upgraded before."""
    # These are imported here, so that nothing slow is imported before a worker has begun.
    from survey.settings import load_settings
    from survey.site.app import create_app
    from survey.store.database import CUSTOMER_WAIT_SECONDS, Database

    settings = load_settings()
    return create_app(settings, Database(settings.database_url, CUSTOMER_WAIT_SECONDS))


def __getattr__(name: str) -> "SurveySite":
    """Make `application` when a server asks for it, so that importing this reads no settings."""
    if name == "application":
        return create_site()
    raise AttributeError(name)


if __name__ == "__main__":
    # `csat serve` starts its site workers in this way, with the number of the socket to listen on.
    run_worker(create_site, int(sys.argv[1]))
