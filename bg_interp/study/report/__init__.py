"""The page of a study, its tables, and what TensorBoard shows of it."""
