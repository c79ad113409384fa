"""The network whose answers are maximised: where to cut it, laid flat, its BatchNorm folded."""
