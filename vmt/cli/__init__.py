"""The `vmt` command: parses, calls, prints.

Each module beside this one holds the verbs of one subject and adds them to the application when it
is imported here.
"""

from __future__ import annotations

from collections.abc import Sequence

from vmt.cli import _electrode as _electrode
from vmt.cli import _packing as _packing
from vmt.cli import _particles as _particles
from vmt.cli import _structures as _structures
from vmt.cli._app import app as app

__all__ = ["app", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the `vmt` command and return its exit code."""
    try:
        app(args=None if arguments is None else list(arguments), prog_name="vmt")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
