"""Making an experiment: what people are asked, with which pictures, and the folder it stands in."""
