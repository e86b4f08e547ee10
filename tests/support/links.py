"""The links that a report has on the web, for tests."""

from urllib.parse import urlencode


class WebLinks:
    """Addresses that say what they were asked for."""

    def responses(
        self,
        period: str,
        team: str | None,
        rating: int | None,
        phrase: str | None = None,
        commented: bool = False,
    ) -> str | None:
        asked = {"team": team, "rating": rating, "phrase": phrase, "commented": commented or None}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        return f"/reports/{period}/responses?{query}"

    def report(self, period: str) -> str | None:
        return f"/reports/{period}"

    def file(self, name: str) -> str | None:
        return f"/reports/2026-10/{name}"
