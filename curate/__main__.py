"""`python -m curate` is `curate`."""

import os
import sys


def main() -> None:
    """Run the command line; an interrupt while it is still being imported is an interrupt as well."""
    try:
        from curate.cli.main import main as command_line
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted: what was there before is untouched\n")
        sys.stderr.flush()
        os._exit(130)
    command_line()


if __name__ == "__main__":
    main()
