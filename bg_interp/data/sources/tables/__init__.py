"""Annotations as people have them: each format becomes rows of images, labels, masks and places."""
