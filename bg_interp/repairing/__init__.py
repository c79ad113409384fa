"""Repair of a finished classifier: its last layer learned anew on features of composites."""
