"""Reports unexpected errors to Sentry: their kinds and places, and nothing that anybody wrote.

The package is imported only where `CSAT_SENTRY_DSN` is set.
"""

from typing import TYPE_CHECKING, Any

from survey.logs import add_reporter
from survey.settings import Settings, SettingsError

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

# What Sentry gets of an event, of an exception and of a frame; everything else is left out.
_EVENT_FIELDS = (
    *("event_id", "timestamp", "level", "platform", "release", "environment", "server_name", "sdk"),
)
_EXCEPTION_FIELDS = ("type", "module", "mechanism", "exception_id", "parent_id")
_FRAME_FIELDS = ("filename", "function", "module", "lineno", "in_app")
# A process that ends waits for so long until its last error is reported.
_SECONDS_AT_THE_END = 2.0


def start_sentry(settings: Settings) -> None:
    """Report the unexpected errors of this process from now on, if Sentry is set up. Raise
    SettingsError for an address that is none."""
    if settings.sentry_dsn is None:
        return
    check_address(settings)
    import sentry_sdk
    from sentry_sdk.integrations.atexit import AtexitIntegration

    sentry_sdk.init(
        dsn=settings.sentry_dsn.get_secret_value(),
        before_send=keep_places_alone,
        # Nothing is collected that is not reported by us: no requests, no lines of the log.
        default_integrations=False,
        integrations=[AtexitIntegration(callback=lambda _pending, _seconds: None)],
        include_local_variables=False,
        include_source_context=False,
        max_breadcrumbs=0,
        max_request_body_size="never",
        send_default_pii=False,
        send_client_reports=False,
        auto_session_tracking=False,
        enable_metrics=False,
        shutdown_timeout=_SECONDS_AT_THE_END,
    )
    add_reporter(sentry_sdk.capture_exception)


def check_address(settings: Settings) -> None:
    """Raise SettingsError if Sentry is set up with an address that is none."""
    if settings.sentry_dsn is None:
        return
    from sentry_sdk.utils import BadDsn, Dsn

    try:
        Dsn(settings.sentry_dsn.get_secret_value())
    except BadDsn:
        raise SettingsError(
            "CSAT_SENTRY_DSN is not the address of a project at Sentry: copy it from the project's "
            "settings there (Client Keys)"
        ) from None


def keep_places_alone(event: "Event", _hint: "Hint") -> "Event":
    """Return an event with the kinds and places of its exceptions. What they say is left out,
    because it may repeat what customers wrote."""
    given: dict[str, Any] = dict(event)
    values = (given.get("exception") or {}).get("values") or ()
    kept: Any = _keep(given, _EVENT_FIELDS)
    kept["exception"] = {"values": [_keep_exception(value) for value in values]}
    return kept  # type: ignore[no-any-return]


def _keep_exception(value: dict[str, Any]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames") or ()
    places = [_keep(frame, _FRAME_FIELDS) for frame in frames]
    return {**_keep(value, _EXCEPTION_FIELDS), "stacktrace": {"frames": places}}


def _keep(given: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: given[name] for name in names if name in given}
