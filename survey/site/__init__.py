"""The survey site, which a customer's browser talks to."""
