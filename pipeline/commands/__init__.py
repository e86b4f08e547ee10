"""The commands of the pipeline, a module each."""
