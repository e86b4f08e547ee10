"""Measurements, as ratios against a peer in the same run. Not tests: machines are noisy."""
