"""Paths of both sites, for those who try each; a test looks that none is missing."""

PATHS = (
    *("/", "/thanks", "/shown", "/hedgehogs", "/hedgehogs.json", "/unsubscribe"),
    *("/healthz", "/readyz", "/metrics", "/hooks/zendesk", "/robots.txt", "/x"),
    *("/reports", "/reports/", "/reports/login", "/reports/2026-10", "/reports/x"),
)

# Those for who is signed in. Nobody signs out here: the others would be strangers from then on.
REPORTS_PATHS = (
    *("/reports", "/reports/", "/reports/login", "/reports/static/site.css", "/reports/period"),
    *("/reports/account", "/reports/audit", "/reports/x", "/reports/2026-13", "/reports/0000-01"),
    *("/reports/2026-10", "/reports/2026-Q4", "/reports/2026", "/reports/9999"),
    *("/reports/2026-10-01..2026-10-28", "/reports/0001-01-01..9999-12-31"),
    *("/reports/2026-10/responses", "/reports/2026-10/responses.csv", "/reports/2026-10/weeks"),
    *("/reports/2026-10/donations.csv", "/reports/2026-10/teams.csv", "/reports/2026-10/x.csv"),
    *("/reports/2026-10/trend.xlsx", "/reports/2026-10/drivers.parquet"),
    *("/reports/marks", "/reports/marks/1/remove", "/reports/marks/99999999999999999999/remove"),
    *("/reports/donations", "/reports/donations.csv", "/reports/donations.xlsx"),
    *("/reports/donations/2026-09", "/reports/donations/close", "/reports/donations/rate"),
    *("/reports/donations/2026-09/close", "/reports/donations/2026-09/pay"),
    "/reports/donations/2026-09/correct",
)
NEVER = ("/reports/logout", "/reports/logout-everywhere")
