"""What each tool does, as functions that Python programs can call as well."""
