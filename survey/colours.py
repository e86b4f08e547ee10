"""Colours that can be told apart: WCAG contrast, and whether an accent colour has it. Pure."""

import re
from dataclasses import dataclass

# The backgrounds of the accent: the page, and the fields on it. A test compares them to survey.css.
LIGHT_GROUNDS = ("#eeefe9", "#fdfdfb")
DARK_GROUNDS = ("#1b1c19", "#262723")

# Text needs 4.5 (WCAG 2.2, 1.4.3). Links have the accent, so it is held to that, not to the 3
# that lines and pictures need.
LEAST_CONTRAST = 4.5
# The contrast that WCAG's strictest level requires of text.
_EASY_CONTRAST = 7.0

# How much of the accent tints the chosen face. Its picture, in the accent, stands on it.
_TINT = 0.1
_LEAST_PICTURE_CONTRAST = 3.0

_HEX = re.compile(r"#[0-9a-f]{6}")


def parse_colour(value: str) -> str:
    """Return a colour as `#rrggbb`; raises ValueError for anything else."""
    colour = value.strip().lower()
    if re.fullmatch(r"#[0-9a-f]{3}", colour):
        colour = "#" + "".join(2 * digit for digit in colour[1:])
    if _HEX.fullmatch(colour) is None:
        raise ValueError("write a colour as #rrggbb, for example #a8440b")
    return colour


def contrast(one: str, other: str) -> float:
    """Return WCAG 2.2's contrast ratio of two colours, from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def least_contrast(colour: str, grounds: tuple[str, ...]) -> tuple[float, str]:
    """Return the lowest contrast of a colour with the grounds it stands on, and which ground that
    is."""
    return min((contrast(colour, ground), ground) for ground in grounds)


def check_accent(colour: str, grounds: tuple[str, ...], theme: str) -> None:
    """Raise ValueError for an accent that cannot be read on the page, with the ratio it has."""
    ratio, ground = least_contrast(colour, grounds)
    if ratio < LEAST_CONTRAST:
        raise ValueError(
            f"{colour} has a contrast of {_floor(ratio)} to 1 with the {theme} page ({ground}); "
            f"links need {LEAST_CONTRAST} (WCAG 2.2 AA). "
            f"{_nearest_readable(colour, grounds, LEAST_CONTRAST)} has enough"
        )


@dataclass(frozen=True)
class Accents:
    """An accent colour and a tint of it, on light pages and on dark ones."""

    light: str
    light_soft: str
    dark: str
    dark_soft: str

    @classmethod
    def of(cls, light: str, dark: str | None) -> "Accents":
        """Return the accents of a light page's colour. Dark pages get `dark`, or else a lighter
        shade of `light`, because one colour is seldom readable on both."""
        dark = dark or dark_shade(light)
        return cls(light, tint(light, LIGHT_GROUNDS[1]), dark, tint(dark, DARK_GROUNDS[1]))


def dark_shade(colour: str) -> str:
    """Return the shade for dark pages of a light page's colour: as much lighter as is needed to
    read it easily."""
    return _nearest_readable(colour, DARK_GROUNDS, _EASY_CONTRAST)


def tint(colour: str, ground: str) -> str:
    """Return a ground with a little of a colour in it: so little that the colour still shows on
    it."""
    share = _TINT
    while contrast(colour, mix(colour, ground, share)) < _LEAST_PICTURE_CONTRAST:
        share /= 2
    return mix(colour, ground, share)


def mix(one: str, other: str, share: float) -> str:
    """Return a mix of two colours with `share` of the first."""
    mixed = (
        round(share * a + (1 - share) * b)
        for a, b in zip(_channels(one), _channels(other), strict=True)
    )
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def _nearest_readable(colour: str, grounds: tuple[str, ...], least: float) -> str:
    """Return the colour, or as much white or black in it as it takes to be read on these
    grounds."""
    pole = "#ffffff" if grounds == DARK_GROUNDS else "#000000"
    shades = (mix(pole, colour, step / 50) for step in range(51))
    return next(shade for shade in shades if least_contrast(shade, grounds)[0] >= least)


def _floor(ratio: float) -> str:
    """Return a ratio with two decimals, never rounded up to what it does not reach."""
    return f"{int(ratio * 100) / 100:.2f}"


def _channels(colour: str) -> list[int]:
    return [int(colour[place : place + 2], 16) for place in (1, 3, 5)]


def _luminance(colour: str) -> float:
    """Return the relative luminance as WCAG 2.2 defines it."""
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    if channel <= 0.04045:
        return channel / 12.92
    return float(((channel + 0.055) / 1.055) ** 2.4)
