"""The style sheets, in the settings' accent colour, and the script that the pages contain."""

import re
from pathlib import Path

from rcssmin import cssmin
from rjsmin import jsmin

from survey.settings import Settings

_STATIC = Path(__file__).parents[1] / "static"
_STYLE = (_STATIC / "survey.css").read_text(encoding="utf-8")


def style_sheet(settings: Settings) -> str:
    """Return the style sheet of every page, in the accent colour of the settings, minified."""
    accents = settings.accents
    colours = {
        "accent": accents.light,
        "accent-soft": accents.light_soft,
        "accent-dark": accents.dark,
        "accent-dark-soft": accents.dark_soft,
    }
    coloured = re.sub(r"@(accent[a-z-]*)@", lambda match: colours[match[1]], _STYLE)
    return str(cssmin(coloured))


def hedgehogs_style_sheet() -> str:
    """Return the additional style sheet of the hedgehogs page, minified."""
    return str(cssmin((_STATIC / "hedgehogs.css").read_text(encoding="utf-8")))


def page_script() -> str:
    """Return the script of the survey page, minified."""
    return str(jsmin((_STATIC / "survey.js").read_text(encoding="utf-8")))
