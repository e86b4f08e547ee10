"""What a customer does, in a browser: with scripts and without, by hand and by keyboard."""

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from survey.languages import LANGUAGES
from survey.store.models import AnswerRow, ResponseRow
from tests.support import states

MOST_BYTES = 14_000


@pytest.fixture(scope="module", params=[True, False], ids=["with scripts", "without scripts"])
def window(request, browser):
    """A window for all tests here, and one more for all of them."""
    context = browser.new_context(java_script_enabled=request.param)
    yield context.new_page()
    context.close()


def ticket_of(page):
    return parse_qs(urlsplit(page.url).query)["ticketId"][0]


def stored(survey, ticket, model=AnswerRow):
    """The ratings that are stored of a ticket: those of its answers, or that of its response."""
    with survey.app.database.reading() as connection:
        found = select(model.rating).where(model.ticket_id == ticket)
        return list(connection.scalars(found))


class TestTheKeyboard:
    def test_is_enough(self, survey, page):
        survey.open(page)
        for key in ("Tab", "Space", "ArrowRight", "ArrowRight", "ArrowLeft", "ArrowDown", "Tab"):
            page.keyboard.press(key)
        page.keyboard.type("no mouse needed")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Your answer: Neutral")).to_be_visible()
        # The next stops lead to all hedgehogs, and back into the form.
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_label("What can we do")).to_have_value("no mouse needed")

    def test_enter_in_the_faces_sends_the_form_and_presses_no_other_button(self, survey, page):
        survey.open(page)
        for key in ("Tab", "Space", "Enter"):
            page.keyboard.press(key)
        expect(page.get_by_text("Your answer: Very dissatisfied")).to_be_visible()

    def test_shows_where_it_is(self, survey, page):
        survey.open(page)
        stops = set()
        for _ in range(13):
            page.keyboard.press("Tab")
            stop = page.locator(":focus")
            ring = stop.locator("+ span") if stop.get_attribute("type") == "radio" else stop
            expect(ring).to_have_css("outline-style", "solid")
            expect(ring).to_have_css("outline-width", "3px")
            stops.add(stop.evaluate("element => element.outerHTML"))
            if stop.get_attribute("value") == LANGUAGES[-1].tag:
                break
        # A face, the text, the button, two links, the languages; and nothing is a trap.
        assert len(stops) == 5 + len(LANGUAGES)


class TestTheFocus:
    """What happened is what a screen reader says first."""

    def test_lands_on_the_thanks(self, survey, page):
        survey.answer(page, survey.link())
        expect(page.get_by_role("heading", name="Thank you for your feedback!")).to_be_focused()
        expect(page).to_have_title("Thank you for your feedback! – Ada’s support")
        expect(page.get_by_role("status")).to_have_text("Your answer: Very satisfied")

    @pytest.mark.parametrize(
        ("state", "problem"),
        [
            (states.no_rating, "Please choose one of the five faces."),
            (states.too_long, "A comment can have 5,000 characters; this one has 5 more."),
            (states.not_saved, "We could not save your answer just now."),
        ],
        ids=["no rating", "too long", "not saved"],
    )
    def test_lands_on_the_problem(self, survey, page, state, problem):
        state(survey, page, "en")
        expect(page.locator(":focus")).to_contain_text(problem)
        assert page.title().startswith("Please check: ")

    def test_goes_nowhere_while_there_is_nothing_to_say(self, survey, page):
        survey.open(page, rating="4")
        expect(page.locator("body:focus, :focus")).to_have_count(0)


def test_a_screen_reader_hears_the_question_the_faces_and_what_is_chosen(survey, page):
    states.no_rating(survey, page, "en")
    expect(page.locator("form")).to_match_aria_snapshot(
        """
        - radiogroup "How happy are you with the level of support you received?":
          - heading "How happy are you with the level of support you received?" [level=1]
          - paragraph: Please choose one of the five faces.
          - radio "Very dissatisfied"
          - radio "Dissatisfied"
          - radio "Neutral"
          - radio "Satisfied"
          - radio "Very satisfied"
        - text: What can we do to increase your rating?
        - textbox "What can we do to increase your rating?": kept
        - paragraph: Optional, up to 5,000 characters.
        - button "Send feedback"
        """
    )
    faces = page.get_by_role("radiogroup")
    expect(faces).to_have_accessible_description("Please choose one of the five faces.")
    expect(faces).to_have_attribute("aria-invalid", "true")


class TestNothingIsAnsweredByAccident:
    def test_opening_a_link_with_a_face_sends_nothing(self, survey, page):
        survey.open(page, rating="5")
        page.wait_for_timeout(300)
        assert stored(survey, ticket_of(page)) == []

    def test_nor_does_choosing_or_writing(self, survey, page):
        survey.open(page)
        page.get_by_label("Satisfied", exact=True).check()
        page.get_by_label("What can we do").fill("not yet")
        page.get_by_label("What can we do").press("Enter")
        assert stored(survey, ticket_of(page)) == []

    def test_a_browser_that_fetches_ahead_answers_nothing(self, survey, browser, monkeypatch):
        purposes = []
        link = survey.link(rating="5")

        def noted(visit):
            from flask import request

            purposes.append(request.headers.get("Sec-Purpose"))
            return look_up(visit)

        from survey.site import survey as views

        look_up = views.current_ticket_state
        monkeypatch.setattr(views, "current_ticket_state", noted)
        mail = (
            '<!doctype html><script type="speculationrules">'
            f'{{"prerender": [{{"urls": ["{link}"], "eagerness": "immediate"}}],'
            f' "prefetch": [{{"urls": ["{link}"], "eagerness": "immediate"}}]}}</script>'
            f'<link rel="prefetch" href="{link}">'
        )
        context = browser.new_context()
        page = context.new_page()
        page.route("**/mail", lambda route: route.fulfill(body=mail, content_type="text/html"))
        page.goto(f"{survey.url}/mail")
        for _ in range(50):
            page.wait_for_timeout(100)
            if purposes:
                break
        context.close()
        assert any(purpose and purpose.startswith("prefetch") for purpose in purposes)
        assert stored(survey, parse_qs(urlsplit(link).query)["ticketId"][0]) == []

    def test_a_double_click_is_one_answer(self, survey, page):
        survey.open(page, rating="4")
        page.locator(".send").dblclick()
        expect(page.get_by_text("Your answer: Satisfied")).to_be_visible()
        assert stored(survey, ticket_of(page)) == [4]

    def test_the_thanks_can_be_loaded_again(self, survey, page):
        survey.answer(page, survey.link(), 4)
        page.reload()
        expect(page.get_by_text("Your answer: Satisfied")).to_be_visible()
        assert stored(survey, ticket_of(page)) == [4]

    def test_going_back_and_sending_again_is_one_response(self, survey, page):
        survey.answer(page, survey.link(), 4)
        page.go_back()
        page.get_by_label("Neutral", exact=True).check()
        page.locator(".send").click()
        page.wait_for_url("**/thanks?**")
        assert stored(survey, ticket_of(page), ResponseRow) == [3]

    def test_two_windows_are_one_response(self, survey, page):
        link = survey.open(page)
        other = page.context.new_page()
        other.goto(link)
        for window, face in ((page, "Satisfied"), (other, "Neutral")):
            window.get_by_label(face, exact=True).check()
            window.locator(".send").click()
            window.wait_for_url("**/thanks?**")
        assert stored(survey, ticket_of(page)) == [4, 3]
        assert stored(survey, ticket_of(page), ResponseRow) == [3]


class TestNothingIsLost:
    def test_by_choosing_another_language(self, survey, page):
        survey.open(page)
        page.get_by_label("Satisfied", exact=True).check()
        page.get_by_label("What can we do").fill("sehr gut")
        page.get_by_role("button", name="Deutsch").click()
        expect(page.get_by_label("Zufrieden", exact=True)).to_be_checked()
        expect(page.get_by_label("Was können wir tun")).to_have_value("sehr gut")
        assert stored(survey, ticket_of(page)) == []
        page.get_by_role("button", name="Feedback senden").click()
        expect(page.get_by_text("Ihre Antwort: Zufrieden")).to_be_visible()
        page.get_by_role("button", name="日本語").click()
        expect(page.get_by_text("ご回答：満足")).to_be_visible()
        assert stored(survey, ticket_of(page)) == [4]

    def test_by_asking_for_help(self, survey, page):
        page.context.route(
            "https://support.example.com/**", lambda route: route.fulfill(body="Here to help.")
        )
        survey.open(page)
        page.get_by_label("Satisfied", exact=True).check()
        page.get_by_label("What can we do").fill("typed")
        with page.context.expect_page() as opened:
            page.get_by_role("link", name="Get in touch").click()
        expect(opened.value.get_by_text("Here to help.")).to_be_visible()
        expect(page.get_by_label("What can we do")).to_have_value("typed")
        expect(page.get_by_label("Satisfied", exact=True)).to_be_checked()

    def test_when_the_answer_cannot_be_saved(self, survey, page):
        states.not_saved(survey, page, "en")
        page.locator(".send").click()
        expect(page.get_by_text("Your answer: Dissatisfied")).to_be_visible()


class TestWhatIsFetched:
    @pytest.fixture
    def fetched(self, page):
        """Every address that the page asks for."""
        addresses = []

        def note(request):
            addresses.append(request.url)

        page.on("request", note)
        yield addresses
        page.remove_listener("request", note)

    def test_is_the_page_alone_without_a_cookie_or_a_complaint(self, survey, page, fetched):
        complaints = []
        page.on("console", lambda message: complaints.append(message.text))
        link = survey.open(page)
        page.wait_for_load_state("networkidle")
        assert (fetched, complaints) == ([link], [])
        assert page.context.storage_state() == {"cookies": [], "origins": []}

    @pytest.mark.parametrize("language", LANGUAGES, ids=lambda each: each.tag)
    def test_is_little(self, survey, page, language):
        session = page.context.new_cdp_session(page)
        pages, sizes = [], {}
        session.send("Network.enable")

        def note_response(event):
            # What the page tells the site afterwards is no page.
            if event["type"] == "Document":
                pages.append(event["requestId"])

        def note_size(event):
            sizes[event["requestId"]] = event["encodedDataLength"]

        session.on("Network.responseReceived", note_response)
        session.on("Network.loadingFinished", note_size)
        for state in (states.question, states.preselected):
            state(survey, page, language.tag)
        page.wait_for_load_state("networkidle")
        session.detach()
        # What the browser counts: the headers and the body as they came over the wire.
        assert len(pages) == 2
        assert all(0 < sizes[page] <= MOST_BYTES for page in pages), sizes
