"""Our hedgehog for mails: drawn with the cells of a table. Pure.

Mail programs show no drawings of ours but images, which many of them fetch only when they are
asked to; and fetching one tells when a mail was opened. Cells with a colour are shown by all.
"""

from itertools import groupby

from survey.colours import DARK_GROUNDS, LIGHT_GROUNDS, Accents, mix

# Looking at the name beside it. `s` spines, `f` face, `e` eye, nose and feet.
_DRAWING = (
    "......s...s...s.........",
    "...s..ss..ss..ss..s.....",
    "...ss.sss.sss.sssss.....",
    ".s.ssssssssssssssss.....",
    ".ssssssssssssssssffff...",
    "..sssssssssssssssfffff..",
    "ssssssssssssssssffeefff.",
    ".sssssssssssssssffeeffee",
    "..ssssssssssssssfffffffe",
    ".ssssssssssssssfffffff..",
    "...ssssssssssssffff.....",
    "....eee......eee........",
)

# The cells of a row as (kind, width): `""` for one that is left as it is.
Cells = list[tuple[str, int]]


def face_colours(accents: Accents) -> dict[str, str]:
    """Return the colour of its face on a light mail and on a dark one."""
    return {
        "light": mix(accents.light, LIGHT_GROUNDS[1], 0.35),
        "dark": mix(accents.dark, DARK_GROUNDS[1], 0.45),
    }


def draw_cells() -> list[Cells]:
    """Return the rows of the drawing, each as runs of cells of one kind."""
    return [
        [("" if kind == "." else kind, len(list(run))) for kind, run in groupby(row)]
        for row in _DRAWING
    ]
