"""Answers: stored, counted, compared, and how many of them it takes."""
