"""A complete working site for a look around, with sample answers and a stand-in for PostHog."""
