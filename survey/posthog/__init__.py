"""PostHog's app, as far as it is asked to delete persons."""
