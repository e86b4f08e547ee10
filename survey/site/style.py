"""The style sheet that stands in every page, in the settings' accent colour."""

import re
from pathlib import Path

from survey.colours import DARK_GROUNDS, LIGHT_GROUNDS, dark_shade, tint
from survey.settings import Settings

_STYLE = (Path(__file__).parents[1] / "static" / "survey.css").read_text(encoding="utf-8")


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
    style = re.sub(r"/\*.*?\*/", "", _STYLE, flags=re.DOTALL)
    style = re.sub(r"\s*([{};])\s*|(?<=[:,])\s+|\s+", lambda match: match[1] or " ", style)
    style = re.sub(r"([:,]) ", r"\1", style).replace(";}", "}")
    return re.sub(r"@(accent[a-z-]*)@", lambda match: colours[match[1]], style).strip()
