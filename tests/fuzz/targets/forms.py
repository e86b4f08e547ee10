"""What a browser sends as a form: read, it is something that every database and page can hold."""

from io import BytesIO

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

from survey.scale import RATINGS
from survey.site.form import MAX_COMMENT_LENGTH, MAX_SUBMIT_ID_LENGTH, clean_comment, read_form

KINDS = (
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded; charset=utf-16",
    "application/json",
)
SEEDS = (
    b"\x00rating=5&comment=Thanks%0D%0Aa+lot+%F0%9F%A6%94&submit_id=0192f1a4",
    b"\x00rating=%D9%A3&comment=%00%ED%A0%80%FF&language=de",
    b'\x01--x\r\nContent-Disposition: form-data; name="rating"\r\n\r\n4\r\n--x--\r\n',
    b'\x01--x\r\nContent-Disposition: form-data; name="x"; filename="a"\r\n\r\nb\r\n--x--\r\n',
    b"\x02rating=5",
)


def check(data: bytes) -> None:
    """Raise AssertionError for a form that is read as something that cannot be kept."""
    kind, body = KINDS[(data[:1] or b"\0")[0] % len(KINDS)], data[1:]
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": kind,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    }
    with Request(environ) as request:
        try:
            form, problems = read_form(request.form)
        except HTTPException:
            return
    assert form.rating is None or form.rating in RATINGS
    assert problems.no_rating == (form.rating is None)
    assert clean_comment(form.comment) == form.comment
    form.comment.encode()
    assert not {"\0", "\r"} & set(form.comment)
    assert bool(problems.excess_characters) == (len(form.comment) > MAX_COMMENT_LENGTH)
    assert form.submit_id is None or 0 < len(form.submit_id) <= MAX_SUBMIT_ID_LENGTH
