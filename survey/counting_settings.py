"""The few settings that reading and counting answers need, which may leave this process."""

from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from survey.settings import Settings


class CountingSettings(Protocol):
    """What functions need that run on Dask's workers, too: all settings have it."""

    @property
    def survey_id(self) -> str | None:
        """Answers to other surveys do not count; None where all do."""

    @property
    def rating_question_id(self) -> str:
        """Behind which property of an event the rating stands."""

    @property
    def comment_question_id(self) -> str:
        """Behind which property of an event the comment stands."""

    @property
    def timezone(self) -> ZoneInfo:
        """In which months begin and end."""


@dataclass(frozen=True)
class SentSettings:
    """These settings and no others, to send to workers: among the others are secrets."""

    survey_id: str | None
    rating_question_id: str
    comment_question_id: str
    timezone: ZoneInfo

    @classmethod
    def of(cls, settings: Settings) -> "SentSettings":
        """What of the settings is sent."""
        return cls(
            settings.survey_id,
            settings.rating_question_id,
            settings.comment_question_id,
            settings.timezone,
        )
