"""The commands of the reports, a module each."""
