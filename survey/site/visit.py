"""Who came: the link of a request, checked before anything is done with it."""

from dataclasses import dataclass

from flask import request
from werkzeug.exceptions import Forbidden

from survey.links import Link, judge_link, parse_link
from survey.site.context import current_site
from survey.store.vocabulary import Trust


@dataclass(frozen=True)
class Visit:
    """Who came: the link, and how far it can be trusted."""

    link: Link
    trust: Trust


def current_visit() -> Visit:
    """The link of the current request; raises LinkError, Forbidden for a wrong signature."""
    site = current_site()
    link = parse_link(request.args.to_dict())
    trust = judge_link(link, site.settings.link_secrets)
    if trust is None or (site.settings.require_signed_links and trust is not Trust.SIGNED):
        raise Forbidden
    return Visit(link, trust)
