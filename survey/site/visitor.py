"""The visitor of a page, the link that they used, and the addresses of our pages for them."""

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import request
from werkzeug.exceptions import Forbidden

from survey.links import Link, judge_link, parse_link
from survey.site.context import current_site
from survey.site.language import current_language
from survey.vocabulary import Trust


@dataclass(frozen=True)
class Visitor:
    """A visitor: the link that they used, and how far the link can be trusted."""

    link: Link
    trust: Trust

    def address(self, path: str, **more: str) -> str:
        """Return the address of one of our pages, with the parameters of the visitor's link.

        The address names the language of the current page, so the form sends the language in
        which it was shown.
        """
        parameters = {**self.link.parameters(), "lang": current_language().tag, **more}
        return f"{request.script_root}{path}?{urlencode(parameters)}"


def current_visitor() -> Visitor:
    """Return the visitor of the current request. Raise LinkError for a bad link, and Forbidden for
    a wrong signature, or for an unsigned link where signed links are required."""
    settings = current_site().settings
    link = parse_link(request.args.to_dict())
    trust = judge_link(link, settings.link_secrets)
    if trust is None or (settings.require_signed_links and trust is not Trust.SIGNED):
        raise Forbidden
    return Visitor(link, trust)
