"""`csat mail`: write the invitation to files, to check it before customers see it."""

from collections.abc import Mapping
from pathlib import Path

import click

from survey.errors import CsatError
from survey.languages import LANGUAGES
from survey.links import LinkError
from survey.mail.invitation import invite_to_ticket, render_index, render_mail
from survey.private_files import make_folder, open_private
from survey.settings import load_settings


@click.group()
def mail() -> None:
    """The invitation that brings customers the survey's link."""


@mail.command()
@click.option(
    "--out",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the files; made if it is missing.",
)
@click.option("--ticket-id", metavar="T", default="4211", show_default=True, help="Ticket number.")
@click.option(
    "--distinct-id",
    metavar="D",
    default="customer-1",
    show_default=True,
    help="Whom PostHog knows the customer as.",
)
@click.option(
    "--team", metavar="X", help="Team that solved it.  [default: the first of CSAT_TEAMS]"
)
def preview(folder: Path, ticket_id: str, distinct_id: str, team: str | None) -> None:
    """Write the invitation in every language: index.html shows them all.

    Each language has an invitation-LANGUAGE.html and a .txt.

    The links are real ones under CSAT_BASE_URL, signed if CSAT_LINK_SECRET is set: each face
    preselects its rating. Opening one records nothing. The text begins with the subject; the
    HTML has it as its title. CSAT_NAME, CSAT_ACCENT, CSAT_CHARITY_NAME, CSAT_SURVEY_NAME,
    CSAT_SUPPORT_URL and CSAT_PRIVACY_URL stand in the mail.

    docs/mail.md tells how to use it in Zendesk or with any other mailer.
    """
    settings = load_settings()
    ticket = {
        "distinct_id": distinct_id,
        "ticketId": ticket_id,
        "team": team if team is not None else settings.teams[0].slug,
    }
    try:
        rendered = {
            language: render_mail(invite_to_ticket(ticket, language, settings), settings, language)
            for language in LANGUAGES
        }
    except LinkError as error:
        raise click.UsageError(str(error)) from None
    files = {"index.html": render_index(rendered, settings)}
    for language, content in rendered.items():
        files[f"invitation-{language.tag}.html"] = content.html
        files[f"invitation-{language.tag}.txt"] = f"{content.subject}\n\n{content.text}"
    _write(folder, files)
    for name in files:
        click.echo(folder / name)


def _write(folder: Path, files: Mapping[str, str]) -> None:
    try:
        make_folder(folder)
        for name, text in files.items():
            with open_private(folder / name, "w", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise CsatError(f"{folder} cannot be written: {error.strerror}") from None
