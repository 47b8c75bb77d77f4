"""User errors, shown without a traceback."""


class UserError(Exception):
    """A mistake in the input: each line of the message says what is wrong, where, and what would be right.

    The command line prints the message without a traceback and exits with status 1.
    """


class Diverged(UserError):
    """Training has no finite result: weights or outputs overflow, or an output layer has no solution."""
