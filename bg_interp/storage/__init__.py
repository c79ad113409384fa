"""Files on disk: whole or not at all, locked, sealed, and where each thing stands in a run."""
