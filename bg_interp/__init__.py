"""Train image classifiers with their backgrounds removed, and measure what it changes."""

__version__ = "0.1.0"
