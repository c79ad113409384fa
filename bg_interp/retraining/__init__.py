"""Repair of a finished classifier that relies on backgrounds: its last layer is retrained."""
