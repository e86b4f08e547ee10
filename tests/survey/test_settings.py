"""Settings: from the environment and `.env`, checked, secrets kept."""

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from survey.commands.config import show
from survey.durations import parse_duration
from survey.settings import (
    DEFAULT_RATING_QUESTION_ID,
    DEFAULT_SURVEY_ID,
    SettingsError,
    load_settings,
)


@pytest.fixture
def load(monkeypatch):
    """Settings from these variables."""

    def load(**variables: str):
        for name, value in variables.items():
            monkeypatch.setenv(f"CSAT_{name}", value)
        return load_settings()

    return load


class TestDefaults:
    def test_nothing_has_to_be_set(self, load):
        settings = load()
        assert settings.timezone == ZoneInfo("Europe/London")
        assert settings.edit_window == timedelta(hours=168)
        assert settings.database_url == "sqlite:///var/csat.db"
        assert settings.survey_name == "Customer satisfaction score (CSAT)"
        assert len(settings.teams) == 9
        assert settings.require_signed_links is False
        assert settings.test_distinct_ids == frozenset()

    def test_without_a_survey_events_carry_constants_and_none_is_filtered(self, load):
        settings = load()
        assert (settings.survey_id, settings.event_survey_id) == (None, DEFAULT_SURVEY_ID)
        assert settings.rating_question_id == DEFAULT_RATING_QUESTION_ID

    def test_an_empty_variable_is_not_set(self, load):
        settings = load(SURVEY_ID="", TEAMS="", EDIT_WINDOW="", SECRET_KEY="", LINK_SECRET="")
        assert settings == load_settings()
        assert (settings.survey_id, settings.secret_keys, settings.link_secrets) == (None, (), ())

    def test_only_the_site_demands_its_secret(self, load):
        with pytest.raises(SettingsError, match="CSAT_SECRET_KEY is not set"):
            load().require_secret_key()
        assert load(SECRET_KEY=" sixteen letters! ").require_secret_key() == "sixteen letters!"

    def test_the_first_of_several_secrets_signs_and_all_of_them_verify(self, load):
        both = "the new secret key,the old secret key"
        settings = load(SECRET_KEY=both, LINK_SECRET="of links")
        assert settings.require_secret_key() == "the new secret key"
        assert settings.proof_secrets == ("of links", "the new secret key", "the old secret key")

    def test_every_secret_must_be_long(self, load):
        with pytest.raises(SettingsError, match=r"CSAT_SECRET_KEY.*fewer than 16"):
            load(SECRET_KEY="the new secret key,short")

    @pytest.mark.parametrize("setting", ["posthog_project_id", "posthog_personal_key"])
    def test_only_asking_posthog_demands_project_and_key(self, load, setting):
        with pytest.raises(SettingsError, match=f"CSAT_{setting.upper()} is not set"):
            getattr(load(), f"require_{setting}")()
        given = load(**{setting.upper(): " 123 "})
        assert getattr(given, f"require_{setting}")() == "123"


class TestWherePostHogIsAsked:
    @pytest.mark.parametrize(
        ("host", "address"),
        [
            ("https://us.i.posthog.com", "https://us.posthog.com"),
            ("https://eu.i.posthog.com/", "https://eu.posthog.com"),
            ("https://posthog.example.com", "https://posthog.example.com"),
            ("https://x.i.example.com", "https://x.i.example.com"),
        ],
    )
    def test_it_follows_from_the_host_that_takes_events(self, load, host, address):
        assert load(POSTHOG_HOST=host).posthog_app_address == address

    def test_one_that_is_set_wins(self, load):
        settings = load(POSTHOG_APP_HOST="https://ph.example.com/")
        assert settings.posthog_app_address == "https://ph.example.com"


class TestForms:
    @pytest.mark.parametrize(
        ("text", "duration"),
        [
            ("7d", timedelta(days=7)),
            ("168h", timedelta(days=7)),
            ("30m", timedelta(minutes=30)),
            ("45s", timedelta(seconds=45)),
            (" 0s ", timedelta(0)),
        ],
    )
    def test_durations(self, text, duration):
        assert parse_duration(text) == duration

    @pytest.mark.parametrize(
        "text", ["", "7", "d", "7 d", "7D", "-7d", "+7d", "1.5h", "1h30m", "a week", "٧d", "1e3s"]
    )
    def test_what_is_no_duration(self, text):
        with pytest.raises(ValueError, match="write a duration as 7d, 168h, 30m or 45s"):
            parse_duration(text)

    def test_lists_are_comma_separated_without_their_blanks(self, load):
        settings = load(
            TEST_DISTINCT_IDS=" qa@example.com,,robot ,",
            TEAMS="Web analytics, sales_cs=Sales & CS",
            LINK_SECRET="new, old",
        )
        assert settings.test_distinct_ids == {"qa@example.com", "robot"}
        assert [(team.slug, team.name) for team in settings.teams] == [
            ("web_analytics", "Web analytics"),
            ("sales_cs", "Sales & CS"),
        ]
        assert settings.link_secrets == ("new", "old")

    @pytest.mark.parametrize(
        ("name", "given", "kept"),
        [
            ("SURVEY_ID", " 0192 ", "0192"),
            ("RATING_QUESTION_ID", " q1 ", "q1"),
            ("BASE_URL", " https://survey.example.com/ ", "https://survey.example.com"),
            ("SUPPORT_URL", "mailto:help@example.com", "mailto:help@example.com"),
            ("TICKET_URL", "https://z.example/{ticket_id}", "https://z.example/{ticket_id}"),
        ],
    )
    def test_texts_and_addresses_are_trimmed(self, load, name, given, kept):
        assert getattr(load(**{name: given}), name.lower()) == kept

    def test_a_colour_is_written_with_its_hash_also_in_the_file(self, load):
        Path(".env").write_text("CSAT_ACCENT=#7A2E08 # brown\n", encoding="utf-8")
        assert load().accent == "#7a2e08"

    def test_texts_are_given_by_language(self, load):
        settings = load(RATING_QUESTION="Well, how was it?|de=Nun, wie war es?")
        assert settings.rating_question == {"en": "Well, how was it?", "de": "Nun, wie war es?"}
        assert settings.comment_question == settings.thanks_text == {}


class TestTheFile:
    def test_env_is_read_and_the_environment_wins(self, load):
        Path(".env").write_text(
            "# ours\nCSAT_SURVEY_ID=from-file\nCSAT_EDIT_WINDOW='24h'\nOTHER=1\n", encoding="utf-8"
        )
        settings = load(SURVEY_ID="from-environment")
        assert settings.survey_id == "from-environment"
        assert settings.edit_window == timedelta(days=1)

    def test_a_bad_setting_in_the_file_names_itself(self, load):
        Path(".env").write_text("CSAT_TIMEZONE=Mars/Phobos\n", encoding="utf-8")
        with pytest.raises(SettingsError, match="CSAT_TIMEZONE"):
            load()

    def test_a_file_that_is_no_text_is_said_to_be_so(self, load):
        Path(".env").write_bytes(b"CSAT_SURVEY_ID=\xff\n")
        with pytest.raises(SettingsError, match=r"\.env cannot be read"):
            load()


class TestBadOnes:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("EDIT_WINDOW", "a week"),
            *(("TIMEZONE", zone) for zone in ("Mars/Phobos", "Europe", "../etc", "x" * 300, "a b")),
            *(("DATABASE_URL", url) for url in ("oracle://x", "sqlite://", "sqlite:///:memory:")),
            ("DATABASE_URL", "csat.db"),
            *(("BASE_URL", url) for url in ("survey.example.com", "ftp://x", "http://[::1")),
            ("POSTHOG_HOST", "us.i.posthog.com"),
            ("POSTHOG_APP_HOST", "us.posthog.com"),
            *(("POSTHOG_PROJECT_ID", text) for text in ("my project", "1/../2", "²", "-1", "  ")),
            ("PRIVACY_URL", "javascript:alert(1)"),
            ("SUPPORT_URL", "javascript:alert(1)"),
            ("SUPPORT_URL", "help@example.com"),
            ("TICKET_URL", "https://z.example/tickets"),
            ("TICKET_URL", "https://z.example/{ticket_id}/{0}"),
            ("TEAMS", "!!!"),
            ("TEAMS", "web analytics, Web Analytics"),
            *(("ACCENT", colour) for colour in ("red", "#f9bd2b", "a8440b")),
            ("ACCENT_DARK", "#7a2e08"),
            *(("RATING_QUESTION", text) for text in ("How?|xx=?", "How?|de= ", "How?|en=How?")),
            *((name, "|") for name in ("COMMENT_QUESTION", "THANKS_TEXT")),
            ("NAME", "  "),
            *(("SECRET_KEY", text) for text in ("a", "fifteen letters")),
            ("POSTHOG_KEY", "phx_personal"),
            ("POSTHOG_PERSONAL_KEY", "phc_project"),
            *(("TEAMS", text) for text in (",", " , ", "Surveys; Experiments")),
            ("REQUIRE_SIGNED_LINKS", "perhaps"),
            ("REQUIRE_SIGNED_LINKS", "true"),
            *((name, "  ") for name in ("SURVEY_ID", "SURVEY_NAME", "RATING_QUESTION_ID")),
            *((name, "  ") for name in ("COMMENT_QUESTION_ID", "SECRET_KEY", "POSTHOG_KEY")),
        ],
    )
    def test_a_bad_setting_stops_the_start_and_names_itself(self, load, name, value):
        with pytest.raises(SettingsError, match=f"CSAT_{name}"):
            load(**{name: value})

    def test_all_bad_settings_are_named_at_once(self, load):
        with pytest.raises(SettingsError) as refusal:
            load(EDIT_WINDOW="a week", TIMEZONE="Mars/Phobos")
        assert "CSAT_EDIT_WINDOW" in str(refusal.value)
        assert "CSAT_TIMEZONE" in str(refusal.value)

    def test_the_two_questions_need_different_ids(self, load):
        with pytest.raises(SettingsError, match="CSAT_RATING_QUESTION_ID and CSAT_COMMENT_QUEST"):
            load(RATING_QUESTION_ID="same", COMMENT_QUESTION_ID="same")


class TestSecrets:
    VARIABLES = ("SECRET_KEY", "POSTHOG_KEY", "LINK_SECRET")

    def test_are_not_in_any_form_of_the_settings(self, load):
        settings = load(**dict.fromkeys(self.VARIABLES, "hunter2 and its friends"))
        shown = (repr(settings), str(settings), str(settings.model_dump()))
        assert not any("hunter2" in text for text in shown)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("DATABASE_URL", "postgresql://csat:hunter2@db:port/csat"),
            ("DATABASE_URL", "mysql://csat:hunter2@db/csat"),
            ("POSTHOG_HOST", "ftp://csat:hunter2@example.com"),
        ],
    )
    def test_a_password_in_a_bad_address_is_not_repeated(self, load, name, value):
        with pytest.raises(SettingsError, match=f"CSAT_{name}") as refusal:
            load(**{name: value})
        assert "hunter2" not in str(refusal.value)
        assert refusal.value.__suppress_context__

    def test_the_password_of_a_database_is_not_shown(self, load):
        settings = load(DATABASE_URL="postgresql://csat:hunter2@db/csat")
        assert "hunter2" not in f"{settings!r} {settings}"
        assert (
            show("database_url", settings.database_url) == "postgresql+psycopg://csat:***@db/csat"
        )

    @pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
    def test_a_server_is_reached_by_the_one_driver_however_it_is_written(self, load, scheme):
        settings = load(DATABASE_URL=f"{scheme}://csat@db:5433/csat?sslmode=require")
        assert settings.database_url == "postgresql+psycopg://csat@db:5433/csat?sslmode=require"

    def test_are_not_in_the_message_of_another_setting(self, load):
        with pytest.raises(SettingsError) as refusal:
            load(**dict.fromkeys(self.VARIABLES, "hunter2 and its friends"), EDIT_WINDOW="x")
        assert "hunter2" not in str(refusal.value)
