"""Answers that are not taken, because too many came. Pure."""

from datetime import timedelta

from survey.errors import CsatError
from survey.vocabulary import DailyFigure


class Refused(CsatError):
    """An answer is not taken, by the limit that `figure` names. `wait` is how long it takes until
    it may be; None if it never will."""

    def __init__(self, figure: DailyFigure, wait: timedelta | None) -> None:
        super().__init__("too many answers came")
        self.figure = figure
        self.wait = wait
