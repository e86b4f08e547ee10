"""The reports on the web: who may sign in, and what every page has around it."""
