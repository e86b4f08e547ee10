"""The colours of a report's mail: those of its page, worked out, because mail programs know neither
custom properties nor mixed colours."""

import re
from functools import cache
from pathlib import Path

from survey.colours import mix

_TOKENS = Path(__file__).parents[1] / "templates" / "tokens.css"
_TOKEN = re.compile(r"--([a-z]+): (#[0-9a-f]{6});")
_DARK = "@media"


@cache
def read_colours(theme: str) -> dict[str, str]:
    """Return the colours of the theme `light` or `dark` by name; `rated_1` to `rated_5` are those
    of the ratings."""
    light, _, dark = _TOKENS.read_text(encoding="utf-8").partition(_DARK)
    colours = dict(_TOKEN.findall(dark if theme == "dark" else light))
    accent, quiet, paper = colours["accent"], colours["quiet"], colours["paper"]
    return colours | {
        "rated_1": accent,
        "rated_2": mix(accent, paper, 0.55),
        "rated_3": colours["line"],
        "rated_4": mix(quiet, paper, 0.32),
        "rated_5": mix(quiet, paper, 0.58),
    }
