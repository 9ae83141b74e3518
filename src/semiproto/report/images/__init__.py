"""The validation images in the report: how they are ranked, read, made small, and what is confused on them."""
