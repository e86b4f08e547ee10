"""The web entry: the survey site, for `csat serve` and for any other WSGI server.

Another server finds it as `wsgi:application`; `csat db upgrade` comes before its first start.
"""

from survey.settings import load_settings
from survey.site.app import create_app
from survey.site.context import SurveySite
from survey.store.database import CUSTOMER_WAIT_SECONDS, Database


def create_site() -> SurveySite:
    """The site as the environment configures it, on a database that was upgraded before."""
    settings = load_settings()
    return create_app(settings, Database(settings.database_url, CUSTOMER_WAIT_SECONDS))


def __getattr__(name: str) -> SurveySite:
    """Make `application` when a server asks for it, so that importing this reads no settings."""
    if name == "application":
        return create_site()
    raise AttributeError(name)
