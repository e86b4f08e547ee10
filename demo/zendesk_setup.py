"""How the demo's survey and its help desk know each other."""

from collections.abc import Mapping
from datetime import datetime

from demo.mail_catcher import MailCatcher
from demo.zendesk_sample import ESCALATED_TAG, EXCLUDED_TAG
from demo.zendesk_standin import ZendeskStandIn
from demo.zendesk_tickets import SEVERITY_FIELD, fill_desk
from survey.languages import ENGLISH
from survey.mail.invitation import render_mail
from survey.mail.zendesk import zendesk_invitation
from survey.settings import Settings
from survey.store.database import Database
from survey.zendesk.rules import HOOK_PATH, make_automation


def choose_settings(zendesk: ZendeskStandIn, catcher: MailCatcher) -> Mapping[str, str]:
    """Return the settings of a survey that works with this help desk, and mails by the catcher."""
    return {
        **zendesk.settings,
        "zendesk_write_back": "tag+note",
        "zendesk_escalated_tag": ESCALATED_TAG,
        "zendesk_severity_field": str(SEVERITY_FIELD),
        "invite": "smtp",
        "invite_sample": "paygo=80",
        "invite_excluded_tags": EXCLUDED_TAG,
        "smtp_url": catcher.url,
        "mail_from": "survey@example.com",
    }


def prepare_desk(
    zendesk: ZendeskStandIn, database: Database, settings: Settings, base_url: str, until: datetime
) -> None:
    """Give the help desk its tickets, the automation that asked before us, and the webhook."""
    fill_desk(zendesk.desk, database, settings, until)
    mail = render_mail(zendesk_invitation(base_url, ENGLISH), settings, ENGLISH)
    automation = make_automation(mail, settings.survey_delay)
    zendesk.rules.create("automations", dict(automation.body))
    zendesk.notify(base_url + HOOK_PATH, SEVERITY_FIELD)
