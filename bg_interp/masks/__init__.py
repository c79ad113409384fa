"""Foreground masks: model files, segmenters, after-treatment, and the store that keeps masks."""
