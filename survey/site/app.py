"""The site as a WSGI application."""

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from functools import partial

from survey.clock import now
from survey.counting_rules import CountingRules
from survey.gathering import Gatherer
from survey.hedgehogs import HedgehogCounts
from survey.logs import configure_logs
from survey.page_views import receive_page_views
from survey.rate_counts import RateCounts, SharedRateCounts
from survey.rate_limits import RateLimits
from survey.receive import receive_all
from survey.request_ids import Identified
from survey.settings import Settings
from survey.site import compression, headers, language, prometheus
from survey.site.context import SurveySite
from survey.site.errors import register_error_pages
from survey.site.health import health
from survey.site.hedgehogs import hedgehogs
from survey.site.hooks import hooks
from survey.site.page_views import shown
from survey.site.readiness import Readiness
from survey.site.receipt import receipt_signer
from survey.site.robots_file import robots_file
from survey.site.style import hedgehogs_style_sheet, page_script, style_sheet
from survey.site.survey import survey
from survey.site.thanks import thanks
from survey.site.unsubscribe import unsubscribe
from survey.store.daily_figures import add_figures
from survey.store.database import Database
from survey.store.group_commit import GroupCommit
from survey.vocabulary import DailyFigure
from survey.zendesk.receiving import receive_webhooks

# Zendesk waits for an answer for ten seconds; customers, whose answers are committed between those
# of webhooks, should not wait at all.
WEBHOOK_GATHER_SECONDS = 0.05
# Refused answers are counted in memory, and written no more often than this: an attack must not
# make commits.
REFUSALS_SECONDS = 5.0


def create_app(
    settings: Settings, database: Database, clock: Callable[[], datetime] = now
) -> SurveySite:
    """Return the survey site on a database whose schema is current.

    Raise SettingsError if `CSAT_SECRET_KEY` is not set.
    """
    configure_logs(settings.log_format)
    app = SurveySite("survey", static_folder=None)
    app.settings, app.database, app.clock = settings, database, clock
    app.rules = CountingRules.of(settings)
    app.intake = GroupCommit(partial(receive_all, database, settings))
    app.page_view_intake = GroupCommit(partial(receive_page_views, database, settings))
    app.webhook_intake = GroupCommit(
        partial(receive_webhooks, database, settings), WEBHOOK_GATHER_SECONDS
    )
    app.rate_limits = RateLimits(settings, _rate_counts(settings, database))
    app.refusals = Gatherer(partial(_save_refusals, database), REFUSALS_SECONDS)
    app.readiness = Readiness(database)
    app.hedgehogs = HedgehogCounts(database, settings.timezone)
    # Flask's own SECRET_KEY stays unset: without it there are no sessions, and so no cookies.
    app.receipt_signer = receipt_signer(settings.require_secret_keys())
    app.blank_pages = {}
    app.config.update(
        MAX_CONTENT_LENGTH=SurveySite.max_body_bytes,
        # The site answers a form that it cannot read with a page, not with a debugger.
        TRAP_BAD_REQUEST_ERRORS=False,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals |= {
        "site_name": settings.name,
        "privacy_url": settings.privacy_url,
        "support_url": settings.support_url,
    }
    language.register(app)
    compression.register(app)
    headers.register(app, style_sheet(settings), hedgehogs_style_sheet(), page_script())
    app.register_blueprint(survey)
    app.register_blueprint(shown)
    app.register_blueprint(hedgehogs)
    app.register_blueprint(thanks)
    app.register_blueprint(unsubscribe)
    app.register_blueprint(health)
    app.register_blueprint(robots_file)
    app.register_blueprint(hooks)
    prometheus.register(app)
    register_error_pages(app)
    app.wsgi_app = Identified(  # type: ignore[method-assign]
        app.wsgi_app, is_behind_proxy=settings.trusted_proxies > 0
    )
    return app


def _rate_counts(settings: Settings, database: Database) -> RateCounts:
    in_memory = settings.rate_limit_storage == "memory"
    return RateCounts() if in_memory else SharedRateCounts(database)


def _save_refusals(database: Database, refusals: Counter[tuple[date, DailyFigure]]) -> None:
    with database.writing() as connection:
        add_figures(connection, refusals)
