"""From responses to numbers: sources → clean → rules → counts → metrics."""
