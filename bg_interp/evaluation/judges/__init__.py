"""Judges: independent models that say what an image shows, trained once for a dataset.

`training.JUDGES` lists them. They never see an image that a judged network made, and their data
is to be drawn with a seed that no judged network was trained on. A judge is worth what it gets
right on natural images held out: `Judges.accuracies`, which belongs beside every number that a
judge gives.
"""
