"""The one exception for what a user can put right."""


class UserError(Exception):
    """Bad input or a bad state. The message is one line that names the file, the value and the remedy.

    The command line prints it without a traceback and exits with status 1.
    """
