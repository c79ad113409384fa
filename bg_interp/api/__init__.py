"""What the public functions do with arrays of a caller's own."""
