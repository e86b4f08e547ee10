"""From the link in a customer's mail to the event at PostHog."""
