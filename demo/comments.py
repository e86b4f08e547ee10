"""The comments of the sample's customers: some fit the rating, others are hostile. Pure."""

import random

ENGLISH = {
    5: (
        "{agent} was brilliant. Fixed within the hour and explained why it broke.",
        "Super fast reply, and it actually answered my question!",
        "Best support I've had from any vendor this year.",
        "Went above and beyond on our {feature} setup, thank you {agent} 🦔",
        "Clear, friendly, and no copy-pasted docs links. Loved it.",
        "Quick turnaround even though it was a Sunday. Impressed.",
        "You even opened a pull request for it. Wow.",
        "Solved on the first reply.",
        "{agent} found a bug in OUR code. Didn't expect that from a support ticket!",
        "10/10, would break {feature} again",
    ),
    4: (
        "Good help, took a little back and forth to get there.",
        "Solved, though the docs on {feature} could use an update.",
        "Thanks {agent}! A screenshot would have made it even quicker.",
        "All sorted now. First reply was next day, everything after that was quick.",
        "Helpful. I'd still like {feature} to do this by itself.",
        "Works now, cheers.",
        "Nice workaround, hoping for a proper fix soon.",
    ),
    3: (
        "The workaround works, but the bug is still there.",
        "Fine, but I had to explain the problem twice.",
        "Answer was OK. Waiting three days for it wasn't great.",
        "I got sent to the docs first, which I had already read.",
        "Half of it is solved, {feature} is still slow for us.",
        "Was passed between two teams before someone picked it up.",
    ),
    2: (
        "Took a week and I ended up working it out on my own.",
        "The ticket was closed before we could confirm the fix.",
        "Felt like nobody read my first message about {feature}.",
        "Slow, and the answer didn't apply to self-serve plans.",
        "Three different people, three different answers.",
        "We lost two days of data while waiting for a reply.",
    ),
    1: (
        "Still broken. Why was this marked as solved?",
        "No reply for nine days, then a bot closed the ticket.",
        "{feature} has been down for us twice this month and nobody can say why.",
        "Very disappointed. We are looking at alternatives.",
        "Asked for a refund, got a link to the pricing page.",
        "I asked a yes/no question and never got a yes or a no.",
    ),
}

# For each language: comments of satisfied customers, then comments of dissatisfied ones.
OTHER_LANGUAGES = {
    "de": (
        ("Sehr schnelle und kompetente Hilfe, vielen Dank!", "Problem gelöst – danke, {agent}."),
        ("Leider erst nach fünf Tagen eine Antwort erhalten.",),
    ),
    "fr": (
        ("Réponse rapide et très claire, merci beaucoup !",),
        ("Le problème n'est toujours pas résolu.",),
    ),
    "es": (
        ("Excelente atención, me lo explicaron todo paso a paso.",),
        ("Tardaron demasiado y la respuesta no me sirvió.",),
    ),
    "pt-BR": (("Atendimento nota dez, muito obrigado!",), ("Demorou muito para responderem.",)),
    "ja": (("迅速なご対応ありがとうございました。",), ("まだ解決していません。",)),
    "ar": (("شكرًا جزيلًا، تم حل المشكلة بسرعة.",), ("لم يتم حل المشكلة بعد.",)),
}

# Every page, file and mail must show these comments without harm.
HOSTILE = (
    "<script>alert(1)</script>",
    '=HYPERLINK("http://evil.example","x")',
    '"><img src=x onerror=alert(1)>',
    "Great help \u202etxt.exe\u202c really",
    "😀🦔🎉 👩‍👩‍👧‍👦 💯💯💯",
    "+1 from our whole team, see +44 20 7946 0000",
    "- slow\n- unhelpful\n- closed too early",
    "@here please look at this again",
    "I could write a book about this ticket. " * 100,
    "{{ 7 * 7 }} ${7*7} %s %n '; DROP TABLE responses; --",
)

_AGENTS = ("Abigail", "Bex", "Marcus", "Steven", "Tim", "Priya", "Joshua")
# The share of customers who comment, by rating. Unhappy customers comment more often.
_COMMENT_SHARE = {1: 0.8, 2: 0.7, 3: 0.55, 4: 0.42, 5: 0.48}
_OTHER_LANGUAGE_SHARE = 0.06


def write_comment(rng: random.Random, rating: int, feature: str) -> tuple[str | None, str]:
    """Return a customer's comment and their page's language. About half have no comment (None)."""
    language = "en"
    choices: tuple[str, ...] = ENGLISH[rating]
    if rng.random() < _OTHER_LANGUAGE_SHARE:
        language = rng.choice(sorted(OTHER_LANGUAGES))
        satisfied, dissatisfied = OTHER_LANGUAGES[language]
        choices = satisfied if rating >= 4 else dissatisfied
    template, agent = rng.choice(choices), rng.choice(_AGENTS)
    if rng.random() >= _COMMENT_SHARE[rating]:
        return None, language
    return template.format(agent=agent, feature=feature), language
