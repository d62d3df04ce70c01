"""What curate says when something is wrong: one line that names the value, the limit and the remedy."""


class CurateError(Exception):
    """Something the user can mend. The command line prints it as one line and exits with 2."""


class DamagedError(CurateError):
    """A file is not what its own header says it is: truncated, altered or of another kind."""


class MismatchError(CurateError):
    """Two artifacts, or an artifact and a dataset, do not belong together."""
