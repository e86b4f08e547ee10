"""A setting and its value, as in the environment: taken, or refused by a text that names it and
shows no secret."""

from pydantic import ValidationError

from survey.settings import Settings, explain_problem, is_secret, variable

SEEDS = (
    b"secret_key=0123456789abcdef0123456789abcdef, 0123456789abcdef",
    b"database_url=postgresql://user:p%40ss@host:5432/name?sslmode=require",
    b"smtp_url=smtps://user:password@host:465",
    b"teams=web_analytics=Web analytics,Surveys",
    b"timezone=Europe/London",
    b"accent=#a83f0b",
    b"rating_question=How was it?|de=Wie war es?",
    b"report_recipients=surveys=a@x.example,b@x.example;all=lead@x.example",
    b"zendesk_plans=low=paygo,urgent=enterprise",
    b"invite_sample=free=0,paygo=50",
    b"targets=paygo=72h,boost=2d",
    b"unverified_excluded_from=2026-10",
    b"ticket_url=https://a.example/{ticket_id}",
    b"support_url=mailto:a@b.example",
    b"retention=730d",
    b"trusted_proxies=1",
    b"base_url=https://survey.example.com:443/x/",
    b"alert_webhook=https://hooks.example.com/a",
)


def check(data: bytes) -> None:
    """Raise for a value that is refused otherwise than by name."""
    name, _, value = data.partition(b"=")
    field, text = name.decode("ascii", "replace"), value.decode("utf-8", "replace")
    if field not in Settings.model_fields or "\0" in text:
        return
    try:
        taken = Settings(_env_file=None, **{field: text})
    except ValidationError as error:
        for detail in error.errors():
            problem = explain_problem(detail)
            assert not detail["loc"] or variable(field) in problem
            if is_secret(field) and len(text.strip()) > 8:
                assert text.strip() not in problem
        return
    repr(taken)
