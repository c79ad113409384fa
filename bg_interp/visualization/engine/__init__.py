"""The compiled loop behind `ActivationMaximization`."""
