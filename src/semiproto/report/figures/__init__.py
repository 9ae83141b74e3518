"""The figures, one file each; registry.py lists them."""
