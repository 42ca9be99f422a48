"""Run the gallery in one process and write it as one page.

`python docs/gallery/run.py --out DIR` runs every numbered script of this folder, each of which
checks its own figures, and writes DIR/index.html with text, code, output and pictures. The first
error ends the run.
"""

import argparse
import contextlib
import html
import importlib.util
import inspect
import io
import itertools
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt

from vmt.report import Page, Picture

HERE = Path(__file__).resolve().parent
STYLE = (
    "background:#f5f6f8;border:1px solid #dde1e7;padding:.7rem .9rem;overflow-x:auto;"
    "font:.8rem/1.45 ui-monospace,Menlo,Consolas,monospace;white-space:pre"
)


def load(path: Path) -> ModuleType:
    """Import a numbered script as a module."""
    spec = importlib.util.spec_from_file_location(f"gallery_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def is_wide(path: Path) -> bool:
    """Whether a PNG wants a row of the page for itself."""
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    return bool(width > 1.5 * height)


def preformatted(text: str) -> str:
    """Text in its own lines, escaped."""
    return f'<pre style="{STYLE}">{html.escape(text.strip())}</pre>'


def run_all(out: Path) -> Path:
    """Run every numbered script into a folder of its own; give the page's path."""
    out.mkdir(parents=True, exist_ok=True)
    page = Page("vmt's gallery", "scripts that are pages and tests")
    inserts = {}
    for path in sorted(HERE.glob("[0-9][0-9]_*.py")):
        module = load(path)
        folder = out / path.stem
        folder.mkdir(exist_ok=True)
        start, cpu = time.perf_counter(), time.process_time()
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            module.main(folder)
        plt.close("all")
        wall, spent = time.perf_counter() - start, time.process_time() - cpu
        print(f"{path.stem}: {wall:.1f} s, {spent:.1f} s of CPU", flush=True)
        title, _, text = inspect.getdoc(module).partition("\n")  # type: ignore[union-attr]
        page.section(title.rstrip("."), text.replace("`", ""))
        pictures = sorted(folder.glob("*.png"), key=lambda p: p.stat().st_mtime_ns)  # as drawn
        assert pictures, f"{path.name} saved no picture"
        for wide, row in itertools.groupby(pictures, is_wide):
            shown = [Picture(p.read_bytes(), alt=f"{title} {p.stem}") for p in row]
            for together in [[one] for one in shown] if wide else [shown]:
                page.figures(together)
        for kind, content in (("output", printed.getvalue()), ("code", path.read_text("utf-8"))):
            mark = f"@@{kind} of {path.stem}@@"
            inserts[mark] = preformatted(content)
            page.details(f"{kind.capitalize()} of {path.name}", mark)
    written = page.html()
    for mark, block in inserts.items():
        assert written.count(f"<p>{mark}</p>") == 1
        written = written.replace(f"<p>{mark}</p>", block)
    target = out / "index.html"
    target.write_text(written, encoding="utf-8")
    return target


def alone(main: Callable[[Path], None]) -> None:
    """Run one script by itself: `python docs/gallery/NN_name.py [--out DIR]`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, help="folder for the pictures; default: a new one")
    asked = parser.parse_args().out
    out = Path(tempfile.mkdtemp()) if asked is None else asked
    out.mkdir(parents=True, exist_ok=True)
    main(out)
    print(f"pictures in {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for pages and pictures")
    start = time.process_time()
    made = run_all(parser.parse_args().out)
    print(f"{made}: {time.process_time() - start:.0f} s of CPU in all", file=sys.stdout)
