"""The survey site: what a customer's browser talks to."""
