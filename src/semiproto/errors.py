"""The exceptions that end a command without a traceback."""


class UserError(Exception):
    """Bad input or a bad state. The message is one line that names the file, the value and the remedy.

    The command line prints it and exits with status 1.
    """


class Interrupted(Exception):
    """SIGINT or SIGTERM came, and the state was saved. The command line prints the message and exits with 130."""
