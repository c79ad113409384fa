"""Habitats: drawn object classes on the backgrounds they are usually seen on, exact masks."""
