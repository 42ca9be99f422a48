"""``python -m vmt`` is the `vmt` command."""

import sys

from vmt.cli import main

if __name__ == "__main__":
    sys.exit(main())
