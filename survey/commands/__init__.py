"""The commands of the survey side, one module each."""
