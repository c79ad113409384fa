"""Measures of a trained model: background reliance, recognisability, attribution."""
