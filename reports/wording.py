"""How a report writes periods, numbers and changes. Pure."""

from calendar import month_abbr, month_name
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal

from survey.durations import split_duration
from survey.periods import Period


def name_period(period: Period) -> str:
    """Return a period in words: `October 2026`, `1 to 28 October 2026`."""
    match period.months:
        case 1:
            return f"{month_name[period.first.month]} {period.first.year}"
        case 3:
            return f"quarter {(period.first.month + 2) // 3} of {period.first.year}"
        case 12:
            return f"{period.first.year}"
    first, last = period.first, period.last
    if first == last:
        return name_date(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {name_date(last)}"
    if first.year == last.year:
        return f"{name_day(first)} to {name_date(last)}"
    return f"{name_date(first)} to {name_date(last)}"


def shorten_period(period: Period) -> tuple[str, str]:
    """Return a period as an axis names it: in few letters, and the year to stand below."""
    year = str(period.first.year)
    match period.months:
        case 1:
            return month_abbr[period.first.month], year
        case 3:
            return f"Q{(period.first.month + 2) // 3}", year
        case 12:
            return year, ""
    return f"{period.first.day} {month_abbr[period.first.month]}", year


def name_day(day: date) -> str:
    """Return a day without its year: `14 October`."""
    return f"{day.day} {month_name[day.month]}"


def name_date(day: date) -> str:
    """Return a day with its year: `14 October 2026`."""
    return f"{name_day(day)} {day.year}"


def name_instant(instant: datetime, timezone: tzinfo) -> str:
    """Return an instant by the clock of a time zone: `8 November 2026, 00:00 (Europe/London)`."""
    local = instant.astimezone(timezone)
    return f"{name_date(local)}, {local:%H:%M} ({timezone})"


def name_duration(duration: timedelta) -> str:
    """Return a duration in words: `7 days`, `36 hours`, `1 hour`."""
    count, unit = split_duration(duration)
    return f"{count} {unit.removesuffix('s') if count == 1 else unit}"


def format_number(value: int | float | Decimal | str) -> str:
    """Return a number with its thousands set apart and every digit it came with; a text as it
    is."""
    if isinstance(value, str):
        return value
    # pandas makes a column of counts with blanks in it floats.
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    return f"{number:,}".replace("-", "−")


def format_signed(value: int | Decimal) -> str:
    """Return a number with its sign, also where it is above 0; 0 has none."""
    return f"{value:+,}".replace("-", "−") if value else f"{abs(value)}"


def format_share(share: Decimal) -> str:
    """Return a share in per cent as pages show it: `86.6%`; all and none need no decimal."""
    return f"{share:.0f}%" if share in (0, 100) else f"{share:.1f}%"


def count_things(number: int, thing: str) -> str:
    """Return a number of things in words: `1 response`, `1,204 responses`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def count_points(points: Decimal) -> str:
    """Return how far a share moved, without its direction: `3.2 points`, `1 point`."""
    size = abs(points)
    if not size:
        return "less than 0.1 points"
    return f"{size:.1f} point{'' if size == 1 else 's'}"


def describe_change(change: Decimal | None, verdict: str | None) -> str:
    """Return what a change of a share amounts to. `change` is None where one of both periods has no
    share; `verdict` is `up`, `down`, `no`, or None where there are too few responses to tell."""
    if change is None:
        return "nothing to compare with"
    if verdict is None:
        return "too few responses to compare"
    if verdict == "no":
        return "no clear change"
    by = "by " if not change else ""
    return f"{verdict} {by}{count_points(change)}, a clear change"


def join_words(words: list[str], last: str = "and") -> str:
    """Return words as a list in a sentence: `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def capitalize_first(words: str) -> str:
    """Return words with a capital letter at their beginning, the others as they are."""
    return words[:1].upper() + words[1:]


def write_sentence(words: str) -> str:
    """Return words as a sentence: with a capital letter at their beginning and one full stop at
    their end."""
    return f"{capitalize_first(words).removesuffix('.')}."
