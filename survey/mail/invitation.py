"""The invitation as a mail with subject, HTML and text, and with one link for each face."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from survey.languages import ENGLISH, Language
from survey.links import make_link
from survey.mail.hedgehog import draw_cells, face_colours
from survey.scale import RATINGS
from survey.settings import Settings
from survey.texts import face_labels, questions_in, translations

# Every mail program can show these faces: they need no image, no emoji and no style sheet.
FACES = {1: ":'(", 2: ":-(", 3: ":-|", 4: ":-)", 5: ":-D"}

_TEMPLATES = Path(__file__).parents[1] / "templates" / "mail"
_BETWEEN_TAGS = re.compile(r">\s+<")


@dataclass(frozen=True)
class Invitation:
    """What an invitation says about its ticket: number, survey link, and a link for each rating.

    All of them may contain placeholders, which a help desk fills in later. `unsubscribe_link` is
    where the customer asks for no more of them; None for a help desk that keeps no such list.
    """

    ticket: str
    link: str
    face_links: Mapping[int, str]
    unsubscribe_link: str | None = None


@dataclass(frozen=True)
class Mail:
    """An invitation in one language. `html` is a whole page. `body` is the page's content, for a
    help desk that puts its own frame around it. `body` is styled with attributes alone, and is one
    line, because help desks show line breaks as new lines."""

    subject: str
    html: str
    body: str
    text: str


def invite(ticket: str, link_for: Callable[[int | None], str]) -> Invitation:
    """Return an invitation to a ticket's survey. `link_for` returns the link that preselects a
    rating, or the plain link for None."""
    faces = {rating: link_for(rating) for rating in RATINGS}
    return Invitation(ticket, link_for(None), faces)


def invite_to_ticket(
    ticket: Mapping[str, str], language: Language, settings: Settings
) -> Invitation:
    """Return an invitation to a ticket of ours, which `ticket` names as the parameters of a link
    do; its links are signed if the settings have a secret. Raise LinkError for wrong parameters."""

    def link_for(rating: int | None) -> str:
        preselected = {} if rating is None else {"rating": str(rating)}
        return make_link({**ticket, "lang": language.tag, **preselected}, settings)

    return invite(ticket["ticketId"], link_for)


def render_mail(invitation: Invitation, settings: Settings, language: Language) -> Mail:
    """Return the invitation in a language. The question has the settings' wording, if any."""
    environment = _environment(language)
    values = {
        "invitation": invitation,
        "faces": FACES,
        "lang": language.tag,
        "dir": language.direction,
        "question": questions_in(language, settings).rating,
        "labels": face_labels(language),
        "survey_name": settings.survey_name,
        "name": settings.name,
        "accents": settings.accents,
        "drawing": draw_cells(),
        "face_colours": face_colours(settings.accents),
        "charity_name": settings.charity_name,
        "charity_url": settings.charity_url,
        "support_url": settings.support_url,
        "privacy_url": settings.privacy_url,
    }

    def render(name: str) -> str:
        return environment.get_template(name).render(values).strip()

    return Mail(
        subject=render("subject.txt"),
        html=render("invitation.html") + "\n",
        body=_BETWEEN_TAGS.sub("><", " ".join(render("body.html").split())),
        text=render("invitation.txt") + "\n",
    )


def render_index(mails: Mapping[Language, Mail], settings: Settings) -> str:
    """Return a page that shows the invitation in these languages, from the files in its folder."""
    template = _environment(ENGLISH).get_template("index.html")
    return template.render(mails=mails, accents=settings.accents)


@lru_cache
def _environment(language: Language) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(["html"], default_for_string=False),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(  # type: ignore[attr-defined]
        translations(language), newstyle=True
    )
    return environment
