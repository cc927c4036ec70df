"""A package made for the test of `flywheel synth repo-functions`."""
from marbles.bags import Bag, merge_sorted, runs
from marbles.text import caesar, roman

__all__ = ["Bag", "caesar", "merge_sorted", "roman", "runs"]
