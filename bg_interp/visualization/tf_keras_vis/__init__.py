"""What the compiled loop makes of tf-keras-vis's own objects."""
