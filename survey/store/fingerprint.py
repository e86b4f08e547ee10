"""By which settings the responses were derived, as a digest that reveals none of them. Pure."""

import hashlib

from survey.settings import Settings


def fingerprint_settings(settings: Settings) -> str:
    """A digest of the settings that decide over responses: distinct_ids cannot be read from it."""
    decisive = [
        str(settings.edit_window),
        settings.survey_id or "",
        *sorted(settings.test_distinct_ids),
    ]
    return hashlib.sha256("\0".join(decisive).encode()).hexdigest()
