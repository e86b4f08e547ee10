"""Where the parts of a report lead to: addresses on the web, nothing in a file."""

from typing import Protocol


class Links(Protocol):
    """The addresses of what stands behind a report's numbers; None for what cannot be opened."""

    def responses(
        self,
        period: str,
        team: str | None,
        rating: int | None,
        phrase: str | None = None,
        commented: bool = False,
    ) -> str | None:
        """Return the address of the responses of a period: all, or those of a team, with a rating,
        whose comment holds a phrase, or with any comment."""

    def report(self, period: str) -> str | None:
        """Return the address of the report of another period."""

    def file(self, name: str) -> str | None:
        """Return the address of a file of this report, such as `teams.csv`."""

    def donation(self, period: str) -> str | None:
        """Return the address of the page of a month's donation."""


class FileLinks:
    """The links of `report.html`, which stands alone: none."""

    def responses(
        self,
        period: str,
        team: str | None,
        rating: int | None,
        phrase: str | None = None,
        commented: bool = False,
    ) -> str | None:
        """Return None: a file has no pages behind it."""
        return None

    def report(self, period: str) -> str | None:
        """Return None: a file does not know where other reports are."""
        return None

    def file(self, name: str) -> str | None:
        """Return None: a file does not know where it lies."""
        return None

    def donation(self, period: str) -> str | None:
        """Return None: a file has no pages behind it."""
        return None
