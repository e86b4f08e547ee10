"""`csat zendesk template`: the invitation, as Zendesk mails it."""

import sys

import click

from survey.errors import CsatError
from survey.languages import LANGUAGES, find_language
from survey.mail.invitation import Mail, render_mail
from survey.mail.zendesk import zendesk_invitation
from survey.settings import Settings, load_settings


class UnsignedLinksRefused(CsatError):
    """The site would refuse every link in the mail."""


class CannotPrint(CsatError):
    """The encoding of the output lacks a letter of the text."""


language_option = click.option(
    "--language",
    "tag",
    type=click.Choice([language.tag for language in LANGUAGES], case_sensitive=False),
    default="en",
    show_default=True,
    help="Language of the mail, and of the page that it opens.",
)


@click.command()
@language_option
@click.option(
    "--part",
    type=click.Choice(["body", "subject", "text"]),
    default="body",
    show_default=True,
    help="The HTML body, the subject, or the body as plain text.",
)
def template(tag: str, part: str) -> None:
    """Print the invitation for a Zendesk automation, with its placeholders.

    \b
    In Zendesk: Admin Center > Objects and rules > Automations > Add automation.
      Meet all of these conditions
        Ticket: Status              Is                              Solved
        Ticket: Hours since solved  Greater than                    72
        Ticket: Tags                Contains none of the following  csat_sent
      Perform these actions
        Notify by: User email       (requester), subject and body from here
        Ticket: Add tags            csat_sent

    The tag keeps the automation from sending twice, so do not leave it out. For several
    languages make one automation each, with the condition Requester: Language.

    The body is one long line on purpose: Zendesk turns line breaks into gaps. Links stand under
    CSAT_BASE_URL; a ticket whose requester has no external id gives an answer without a person.
    """
    content = render_invitation(load_settings(), tag)
    parts = {"body": content.body, "subject": content.subject, "text": content.text.rstrip("\n")}
    print_to_paste(parts[part])


def render_invitation(settings: Settings, tag: str) -> Mail:
    """Return the invitation with Zendesk's placeholders, in the language of a tag. Raise
    UnsignedLinksRefused if the site would refuse its links."""
    if settings.require_signed_links:
        raise UnsignedLinksRefused(
            "Zendesk cannot sign links, and CSAT_REQUIRE_SIGNED_LINKS refuses unsigned ones: "
            "customers would find every link of this mail closed. Set it to false first."
        )
    language = find_language(tag)
    assert language is not None  # click accepts only tags that we know
    return render_mail(zendesk_invitation(settings.base_url, language), settings, language)


def print_to_paste(text: str) -> None:
    """Print a text that must arrive unchanged. Raise CannotPrint if it would not."""
    encoding = sys.stdout.encoding
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        raise CannotPrint(
            f"{encoding} lacks letters of this text; set PYTHONIOENCODING=utf-8"
        ) from None
    click.echo(text)
