"""People as judges: an experiment out of a study, its server, its answers and their numbers."""
