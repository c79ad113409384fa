"""Studies: all arms of one question, their statistics, and the report."""
