"""What the tools can be told: one dataclass for each thought, whose fields are the flags."""
