"""No GPL among what vmt requires: what the installed distributions say of themselves."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "licenses.md"
#: libraries under the GPL that wheels are known to carry; names of their files
GPL_LIBRARIES = ("libfftw3", "libgsl.", "libgslcblas", "libreadline", "libx264", "libx265")
#: the first versions under the LGPL: upstream's tags, COPYING.LESSER and setup.cfg
FIRST_LGPL = {"edt": "3.0.0", "connected-components-3d": "3.14.1"}


def project() -> dict:
    """Return the project table of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def canonical(name: str) -> str:
    """Return the name of a distribution as indices compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def closure() -> dict[str, metadata.Distribution]:
    """Return all required distributions, direct and indirect, by name."""
    found: dict[str, metadata.Distribution] = {}
    seen = set()
    waiting = [Requirement(text) for text in project()["dependencies"]]
    while waiting:
        one = waiting.pop()
        key = (canonical(one.name), frozenset(one.extras))
        if key in seen:
            continue
        seen.add(key)
        made = metadata.distribution(one.name)
        found[canonical(one.name)] = made
        for text in made.requires or []:
            more = Requirement(text)
            chosen = [{"extra": extra} for extra in (*one.extras, "")]
            if more.marker is None or any(more.marker.evaluate(extra) for extra in chosen):
                waiting.append(more)
    return found


def stated(one: metadata.Distribution) -> str:
    """Return what a distribution says of its license; of a full text only its title."""
    about = one.metadata
    free = (about.get("License") or "").strip()
    classifiers = [c for c in about.get_all("Classifier") or [] if c.startswith("License ::")]
    expression = about.get("License-Expression") or ""
    return " | ".join(part for part in (expression, free[:200], *classifiers) if part)


def is_gpl(text: str) -> bool:
    """Whether a license's name is that of the GPL or AGPL, the LGPL and exceptions aside."""
    plain = re.sub(r"(?i)lesser general public|library general public|lgpl", "", text)
    plain = re.sub(r"(?i)gpl-[\d.]+(-or-later|-only)? with [\w.-]+", "", plain)
    return bool(re.search(r"(?i)\ba?gpl|general public licen[sc]e", plain))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GPL-3.0-or-later", True),
        ("License :: OSI Approved :: GNU General Public License v3 (GPLv3)", True),
        ("AGPL-3.0", True),
        ("LGPL-3.0-or-later", False),
        ("License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)", False),
        ("GPL-3.0-or-later WITH GCC-exception-3.1", False),
        ("BSD-3-Clause", False),
    ],
)
def test_the_gpl_is_told_from_the_lgpl(text: str, expected: bool) -> None:
    """The check knows a GPL when it sees one."""
    assert is_gpl(text) is expected


def test_no_required_distribution_states_the_gpl() -> None:
    """Each distribution that vmt needs, directly or not, states a license and not the GPL."""
    found = closure()
    assert {"edt", "numpy", "llvmlite"} <= set(found)
    licenses = {name: stated(one) for name, one in found.items()}
    assert [name for name, text in licenses.items() if not text] == []
    assert {name: text for name, text in licenses.items() if is_gpl(text)} == {}


def test_no_required_wheel_carries_a_gpl_library() -> None:
    """What a wheel bundles counts too: pyshtools has FFTW, so that it is an extra."""
    carrying = {
        f"{name}: {file.name}"
        for name, one in closure().items()
        for file in one.files or []
        if file.name.startswith(GPL_LIBRARIES)
    }
    assert carrying == set()


def test_lower_bounds_are_above_the_gpl_versions() -> None:
    """Versions that were still under the GPL are not admitted."""
    asked = {canonical(r.name): r.specifier for r in map(Requirement, project()["dependencies"])}
    for name, first in FIRST_LGPL.items():
        bounds = [Version(s.version) for s in asked[name] if s.operator in (">=", "==", "~=")]
        assert bounds
        assert max(bounds) >= Version(first)


def test_the_page_names_every_dependency() -> None:
    """Required and optional dependencies are all on the page."""
    project_ = project()
    groups = [project_["dependencies"], *project_["optional-dependencies"].values()]
    texts = [text for group in groups for text in group]
    page = PAGE.read_text("utf-8")
    rows = " ".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| "))
    listed = {canonical(name) for name in re.findall(r"[\w.-]+", rows)}
    assert {canonical(Requirement(t).name) for t in texts} - listed == set()
