"""What stands in the pages themselves: style sheets in the settings' accent colour, the script."""

import re
from pathlib import Path

from survey.settings import Settings

_STATIC = Path(__file__).parents[1] / "static"
_STYLE = (_STATIC / "survey.css").read_text(encoding="utf-8")


def style_sheet(settings: Settings) -> str:
    """The style sheet, without what only its readers need."""
    accents = settings.accents
    colours = {
        "accent": accents.light,
        "accent-soft": accents.light_soft,
        "accent-dark": accents.dark,
        "accent-dark-soft": accents.dark_soft,
    }
    return re.sub(r"@(accent[a-z-]*)@", lambda match: colours[match[1]], _squeeze(_STYLE))


def hedgehogs_style_sheet() -> str:
    """What the page of hedgehogs has besides."""
    return _squeeze((_STATIC / "hedgehogs.css").read_text(encoding="utf-8"))


def page_script() -> str:
    """The script, without what only its readers need: indents, and lines that are comments."""
    text = (_STATIC / "survey.js").read_text(encoding="utf-8")
    return re.sub(r"(?m)^\s*(?://.*\n)?", "", text)


def _squeeze(style: str) -> str:
    style = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    style = re.sub(r"\s*([{};])\s*|(?<=[:,])\s+|\s+", lambda match: match[1] or " ", style)
    return re.sub(r"([:,]) ", r"\1", style).replace(";}", "}").strip()
