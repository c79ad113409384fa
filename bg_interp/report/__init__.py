"""Pages that need nothing else: their shell, figures and pictures, for evaluations and studies."""
