"""`csat zendesk template`: what Zendesk makes of it is a link that the site accepts."""

import pytest
from liquid import Environment

from survey.languages import LANGUAGES, find_language
from survey.links import person_of
from survey.mail.invitation import render_mail
from survey.mail.zendesk import zendesk_invitation
from survey.teams import slugify_team
from tests.support.command import run_csat
from tests.support.mails import MailPage, links_of_text, open_link
from tests.support.settings import make_settings

SETTINGS = make_settings(base_url="https://survey.example.com")


def template(language="en"):
    invitation = zendesk_invitation(SETTINGS.base_url, language)
    return render_mail(invitation, SETTINGS, language)


def fill_in(text, ticket_id=42, external_id="jane", group="Web analytics"):
    """What Zendesk does: it knows Liquid, and escapes nothing by itself."""
    requester = {"external_id": external_id}
    ticket = {"id": ticket_id, "requester": requester, "group": {"name": group}}
    return Environment().from_string(text).render(ticket=ticket)


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
def test_the_placeholders_stand_as_zendesk_needs_them(language):
    mail = template(language)
    for part in (mail.body, mail.text):
        assert part.count("{{ticket.requester.external_id | url_encode}}") == 6
        assert part.count("{{ticket.group.name | url_encode}}") == 6
        assert part.count("{{ticket.id}}") >= 7
    assert "{{ticket.id}}" in mail.subject
    assert "%7B" not in mail.body


@pytest.mark.parametrize(
    ("external_id", "group"),
    [
        ("jane", "Web analytics"),
        ("a b&c=d", "Sales & CS"),
        ("o'brien+tag@example.com", "Größe/Straße #1?"),
        ("顧客-7", "データ基盤"),
        ('"><script>alert(1)</script>', "100% <b>"),
        ("{{ticket.id}}", "}}"),
        ("عميل", "🦔"),
        ("", ""),
        (None, None),
    ],
)
def test_whatever_zendesk_fills_in_makes_links_that_the_site_accepts(database, external_id, group):
    html = fill_in(template(find_language("pt-BR")).body, 42, external_id, group)
    text = fill_in(template(find_language("pt-BR")).text, 42, external_id, group)
    links = MailPage(html).links
    assert links_of_text(text) == links
    assert "<script" not in html
    for place, url in enumerate(links, start=1):
        link = open_link(url, SETTINGS, database)
        assert link.ticket_id == "42"
        assert link.person == person_of(external_id, "42")
        assert link.team == slugify_team(group)
        assert link.language == "pt-BR"
        assert link.rating == (place if place < 6 else None)


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        ((), "<table"),
        (("--part", "subject"), "How did we do? Your support request {{ticket.id}}"),
        (("--part", "text", "--language", "de"), "Ihre Anfrage {{ticket.id}} wurde gelöst."),
        (("--part", "subject", "--language", "pt-BR"), "Como foi o nosso atendimento?"),
        (("--part", "subject", "--language", "pt-br"), "Como foi o nosso atendimento?"),
    ],
)
def test_each_part_is_printed(arguments, begins):
    done = run_csat("zendesk", "template", *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(begins)


def test_the_body_is_one_line():
    assert run_csat("zendesk", "template").stdout.count("\n") == 1


def test_a_language_that_there_is_not_is_bad_usage():
    done = run_csat("zendesk", "template", "--language", "tlh")
    assert done.returncode == 2
    assert "'tlh' is not one of" in done.stderr


def test_it_prints_no_links_that_the_site_would_refuse():
    given = {"CSAT_LINK_SECRET": "s", "CSAT_REQUIRE_SIGNED_LINKS": "true"}
    done = run_csat("zendesk", "template", **given)
    assert done.returncode == 1
    assert "CSAT_REQUIRE_SIGNED_LINKS" in done.stderr
    assert done.stdout == ""
