"""How the pages of the site write what is not a text already."""

from calendar import month_name
from datetime import datetime

from reports.environment import add_words
from reports.site.context import ReportsSite
from survey.vocabulary import Role

_ROLES = {
    Role.LEAD: "Lead: reports and comments, donations to read",
    Role.FINANCE: "Finance: donations",
    Role.ADMIN: "Admin: everything, and who did what",
}


def register(site: ReportsSite) -> None:
    """Let the templates write what reports write, times and roles."""
    add_words(site.jinja_env, site.settings)
    zone = site.settings.timezone

    def write_time(value: datetime) -> str:
        local = value.astimezone(zone)
        return f"{local.day} {month_name[local.month]} {local.year}, {local:%H:%M:%S}"

    site.jinja_env.filters["time"] = write_time
    site.jinja_env.filters["role"] = _ROLES.__getitem__
    site.jinja_env.globals["timezone"] = zone.key
