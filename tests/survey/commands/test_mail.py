"""`csat mail preview`: files to look at."""

import re

from survey.languages import LANGUAGES
from tests.support.command import run_csat
from tests.support.mails import MailPage, open_link
from tests.support.settings import make_settings


def test_it_writes_html_and_text_in_every_language(tmp_path):
    done = run_csat("mail", "preview", "--out", str(tmp_path / "new" / "folder"))
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "new" / "folder").iterdir()}
    kinds = ("html", "txt")
    assert names == {"index.html"} | {
        f"invitation-{language.tag}.{kind}" for language in LANGUAGES for kind in kinds
    }
    assert len(done.stdout.splitlines()) == len(names)


def test_its_index_shows_every_mail_and_all_that_it_names_is_there(tmp_path):
    run_csat("mail", "preview", "--out", str(tmp_path))
    index = (tmp_path / "index.html").read_text()
    named = re.findall(r'(?:src|href)="([^"#:]+)"', index)
    assert len(named) == 4 * len(LANGUAGES)
    assert all((tmp_path / name).is_file() for name in named)
    for language in LANGUAGES:
        assert language.name in index
        assert f'href="#{language.tag}"' in index
        assert f'id="{language.tag}"' in index


def test_its_links_are_signed_where_links_are(tmp_path, database):
    given = {"CSAT_LINK_SECRET": "s", "CSAT_BASE_URL": "https://survey.example.com"}
    arguments = ("--ticket-id", "7", "--distinct-id", "jo é", "--team", "Web analytics")
    done = run_csat("mail", "preview", "--out", str(tmp_path), *arguments, **given)
    assert done.returncode == 0, done.stderr
    settings = make_settings(
        link_secret="s", require_signed_links=True, base_url="https://survey.example.com"
    )
    for url in MailPage((tmp_path / "invitation-ar.html").read_text()).links:
        link = open_link(url, settings, database)
        assert (link.ticket_id, link.person, link.team) == ("7", "jo é", "web_analytics")


def test_the_text_begins_with_the_subject(tmp_path):
    run_csat("mail", "preview", "--out", str(tmp_path))
    text = (tmp_path / "invitation-en.txt").read_text()
    assert text.startswith("How did we do? Your support request 4211\n\n")


def test_a_ticket_that_makes_no_link_is_bad_usage(tmp_path):
    done = run_csat("mail", "preview", "--out", str(tmp_path), "--ticket-id", " ")
    assert done.returncode == 2
    assert "names no ticket" in done.stderr


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    done = run_csat("mail", "preview", "--out", str(tmp_path / "file" / "folder"))
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
