"""The invitation: the mail that brings the customer the survey's link."""
