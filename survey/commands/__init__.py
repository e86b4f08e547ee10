"""The commands of the survey side, each in its own module."""
