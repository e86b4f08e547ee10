"""What every process that runs for long does first: it logs, and reports what fails."""

from survey.logs import configure_logs, log_failures
from survey.sentry import start_sentry
from survey.settings import Settings


def begin_monitoring(settings: Settings) -> None:
    """Log everything in the form that the settings say, also what ends this process or a thread of
    it, and report unexpected errors to Sentry if that is set up. Raise SettingsError."""
    configure_logs(settings.log_format)
    log_failures()
    start_sentry(settings)
