"""Composites: objects cut out of photographs, pasted on photographs of places."""
