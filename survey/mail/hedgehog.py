"""Our hedgehog for mails, drawn with the cells of a table. Pure.

Mail programs show a drawing only as an image. Many fetch images only when the reader wants it,
and the fetch tells when a mail was opened. All mail programs show cells with a colour.
"""

from itertools import groupby

from survey.colours import DARK_GROUNDS, LIGHT_GROUNDS, Accents, mix

# The hedgehog looks at the name beside it. `s` is spines, `f` face, `e` eye, nose and feet.
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

# The cells of a row as (kind, width). The kind is `""` for a cell without colour.
Cells = list[tuple[str, int]]


def face_colours(accents: Accents) -> dict[str, str]:
    """Return the colour of the hedgehog's face in a light mail and in a dark one."""
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
