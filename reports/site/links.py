"""The addresses of what stands behind the numbers of a report on the web."""

from dataclasses import dataclass
from urllib.parse import urlencode

from pipeline.query import ReportQuery


@dataclass(frozen=True)
class WebLinks:
    """The links of the report of one query. They keep its filters, unless a link names others.

    `base_url` is the address of the site, for what is read elsewhere, such as a mail.
    """

    query: ReportQuery
    base_url: str = ""

    def responses(
        self,
        period: str,
        team: str | None,
        rating: int | None,
        phrase: str | None = None,
        commented: bool = False,
    ) -> str:
        """Return the address of the responses of a period: all, or those of a team, with a rating,
        whose comment holds a phrase, or with any comment."""
        parameters = self.query.parameters()
        if team is not None:
            parameters["team"] = team
        if rating is not None:
            parameters["rating"] = str(rating)
        if phrase is not None:
            parameters["phrase"] = phrase
        if commented:
            parameters["commented"] = "1"
        return self.base_url + address(f"{period}/responses", parameters)

    def report(self, period: str) -> str:
        """Return the address of the report of another period."""
        return self.base_url + address(period, self.query.parameters())

    def file(self, name: str) -> str:
        """Return the address of a file of this report, such as `teams.csv`."""
        return self.base_url + address(f"{self.query.period}/{name}", self.query.parameters())

    def donation(self, period: str) -> str:
        """Return the address of the page of a month's donation."""
        return self.base_url + address(f"donations/{period}", {})

    def weeks(self) -> str:
        """Return the address of the page of the weeks up to the end of the period."""
        return address(f"{self.query.period}/weeks", self.query.parameters())


def address(path: str, parameters: dict[str, str]) -> str:
    """Return the address of a page under /reports/."""
    given = {name: value for name, value in parameters.items() if value}
    query = urlencode(given, safe=",")
    return f"/reports/{path}?{query}" if query else f"/reports/{path}"
