"""What a close keeps of the rules, as this release and older ones write it."""

from datetime import UTC, datetime

import pytest

from pipeline.donations.kept_rules import KeptRules
from survey.counting_rules import CountingRules
from tests.support.settings import make_settings

# What an older release kept of the same settings.
OLDER = "aa300b5de8a80e58961c65117d3269f298ae63ab297f43f88d0542a7eac3ad2d 2026-11-01T00:00:00+00:00"


def keep(**given):
    configured = {
        "test_distinct_ids": "jane,joe",
        "survey_id": "s",
        "unverified_excluded_from": "2026-11",
    }
    return KeptRules.of(CountingRules.of(make_settings(**{**configured, **given})))


def test_what_an_older_release_kept_is_the_same_but_for_secrets():
    kept = KeptRules.parse(OLDER)
    assert kept.unverified_excluded_from == datetime(2026, 11, 1, tzinfo=UTC)
    assert kept.secrets is None
    assert not keep().differ(kept)
    assert keep(secret_key=()) == kept


@pytest.mark.parametrize("since", [None, "2026-11"])
@pytest.mark.parametrize("secret_key", [(), "the secret of a site"])
def test_it_is_read_as_it_was_written(since, secret_key):
    kept = keep(unverified_excluded_from=since, secret_key=secret_key)
    assert KeptRules.parse(str(kept)) == kept


@pytest.mark.parametrize(
    "other", [{"survey_id": "t"}, {"test_distinct_ids": "jane"}, {"unverified_excluded_from": None}]
)
def test_other_rules_differ(other):
    assert keep(**other).differ(keep())


def test_other_secrets_are_noticed_apart_and_cannot_be_found():
    one, other = keep(secret_key="the secret of a site"), keep(secret_key="another secret of it")
    assert not one.differ(other)
    assert one.secrets != other.secrets
    assert "secret of" not in str(one)


def test_an_entry_without_rules_has_none():
    assert KeptRules.parse(None) == KeptRules("")
