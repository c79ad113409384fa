"""How much accuracy depends on backgrounds: variants of a test set, groups, adversarial ones."""
