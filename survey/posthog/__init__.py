"""PostHog's app: the deletion of persons, and survey, insights and dashboard set up as code."""
