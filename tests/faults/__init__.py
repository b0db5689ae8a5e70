"""The long tests, `pytest -m cluster`: the command itself on real clusters, with what happens to clusters."""
