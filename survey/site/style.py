"""What stands in the pages themselves: style sheets in the settings' accent colour, the script."""

import re
from pathlib import Path

from survey.colours import DARK_GROUNDS, LIGHT_GROUNDS, dark_shade, tint
from survey.settings import Settings

_STATIC = Path(__file__).parents[1] / "static"
_STYLE = (_STATIC / "survey.css").read_text(encoding="utf-8")


def style_sheet(settings: Settings) -> str:
    """The style sheet, without what only its readers need."""
    light = settings.accent
    # One colour is seldom readable on both pages, so the dark page has a lighter shade of it.
    dark = settings.accent_dark or dark_shade(light)
    colours = {
        "accent": light,
        "accent-soft": tint(light, LIGHT_GROUNDS[1]),
        "accent-dark": dark,
        "accent-dark-soft": tint(dark, DARK_GROUNDS[1]),
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
