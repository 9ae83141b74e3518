"""`python -m semiproto`: the command line."""

from semiproto.cli import main

main()
