"""Stands in for the hub of rules_python's pip.parse: the packages are those of `python3` on PATH."""

def requirement(name):
    """Returns the label of an empty library in place of the distribution `name`."""
    return "@pypi//:" + name
