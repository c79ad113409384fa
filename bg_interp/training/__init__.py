"""Training one network on treated images."""
