"""Who feeds the hedgehogs, as customers read it."""

from dataclasses import dataclass

from survey.settings import Settings


@dataclass(frozen=True)
class Charity:
    """The name of a charity, and the address of its page; None where nobody has told it."""

    name: str | None
    url: str | None


def find_charity(settings: Settings, in_ledger: str | None) -> Charity:
    """Return the charity that the donation ledger names now, or else that of the settings. The
    address is that of the settings, so it leads nobody to another charity than the one named."""
    if in_ledger is None or in_ledger == settings.charity_name:
        return Charity(settings.charity_name, settings.charity_url)
    return Charity(in_ledger, None)
