"""Repair of a finished classifier: its last layer retrained on features of composites."""
