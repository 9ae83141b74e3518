"""The files that say what pixels are, one module a format; those of single tools are in tools/."""
