"""Mails: the monthly report, with the findings and tables of its page as mail programs show them,
and the donation export of a closed month."""
