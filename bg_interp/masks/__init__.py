"""Foreground masks: model files, segmenters, post-processing, and the store that keeps masks."""
