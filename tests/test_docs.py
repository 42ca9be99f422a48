"""What the documentation says is what the program does."""

import inspect
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

import vmt
import vmt.cli

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SPOKEN = "`(vmt\\.[\\w.]+)(\\([^`]*\\))`"


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)


def parameters(verb: click.Command) -> list[click.Parameter]:
    """Return a verb's parameters; those of a group with those of its own verbs."""
    own = getattr(verb, "commands", {}).values()
    return [*verb.params, *(one for inner in own for one in inner.params)]


def verbs() -> dict[str, dict[str, bool]]:
    """Return each verb's options, and whether each takes a value."""
    command = typer.main.get_command(vmt.cli.app)
    found = {}
    for name, verb in command.commands.items():
        options = {
            option: not one.is_flag
            for one in parameters(verb)
            if hasattr(one, "is_flag")
            for option in (*one.opts, *one.secondary_opts)
        }
        found[name] = options | {"-h": False, "--help": False}
    return found


def section(text: str, title: str) -> str:
    """Return a section of a page, without those that follow."""
    return re.split(r"^## ", text.split(f"## {title}", 1)[1], maxsplit=1, flags=re.M)[0]


# ---- command line


@pytest.mark.parametrize("verb", sorted(verbs()))
def test_every_option_is_on_the_page(verb: str) -> None:
    """docs/cli.md has every option of the verb, in its own section or in the common one."""
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    text = section(page, "Options of every verb") + section(page, f"vmt {verb}")
    named = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", text))
    assert set(verbs()[verb]) - named == set()


def test_the_page_names_no_other_option() -> None:
    """docs/cli.md has no option that no verb has."""
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    known = {option for options in verbs().values() for option in options} | {"--version"}
    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]*", page)) <= known


def test_defaults_on_the_page_are_those_of_the_command() -> None:
    """Each default in docs/cli.md is the command's own."""
    command = typer.main.get_command(vmt.cli.app)
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    compared = 0
    for name, verb in command.commands.items():
        rows = re.findall(r"^\| `(--[\w-]+)[^|`\\]*(?:\\\|[^|`\\]*)*` \| ([^|]+) \|", page, re.M)
        own = section(page, f"vmt {name}")
        for option, default in rows:
            for one in parameters(verb):
                if option not in one.opts or f"`{option}" not in own:
                    continue
                if default in ("as the image", "the file's own", "see the verb"):
                    continue
                if re.search(rf"^\| `{option}\b[^\n]*\| {re.escape(default)} \|", own, re.M):
                    shown = getattr(one.default, "value", one.default)
                    assert str(shown) == default, (name, option)
                    compared += 1
    assert compared >= 10


def test_environment_variables_are_on_the_page() -> None:
    """docs/cli.md has every VMT_ variable that the code reads."""
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    read = set()
    for module in Path(vmt.__file__).parent.rglob("*.py"):
        read |= set(re.findall(r"environ[^\n]*[\"'](VMT_\w+)", module.read_text("utf-8")))
    assert {"VMT_MEMORY_LIMIT", "VMT_RENDERER", "VMT_TRACEBACK"} <= read
    assert [name for name in read if f"`{name}`" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_shell_blocks_use_what_exists(page: Path) -> None:
    """Commands in shell blocks have verbs and options that the command has."""
    for block in blocks(page, "sh"):
        for line in re.split(r"\n|&&", block):
            words = shlex.split(line, comments=True)
            if words[:1] != ["vmt"]:
                continue
            options = verbs()[words[1]]
            for word in words[2:]:
                if word.startswith("-"):
                    assert word.partition("=")[0] in options, line


# ---- links and names


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_relative_links_resolve(page: Path) -> None:
    """Files that a page links to are there."""
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))
    local = [link.partition("#")[0] for link in links if "://" not in link]
    missing = {link for link in local if link and not (page.parent / link).exists()}
    assert missing == set()


def shown(thing: object) -> str:
    """Return a signature as the reference writes it: names and simple defaults."""
    simple = (str, int, float, bool, type(None))
    parts, starred = [], False
    for one in inspect.signature(thing).parameters.values():  # type: ignore[arg-type]
        if one.kind is one.KEYWORD_ONLY and not starred:
            parts.append("*")
            starred = True
        default = ""
        if one.default is not one.empty:
            value = one.default
            plain = isinstance(value, simple) or (
                isinstance(value, tuple) and all(isinstance(v, simple) for v in value)
            )
            text = repr(value).replace("'", '"') if plain else getattr(value, "__name__", "…")
            default = f"={text}"
        if not one.name.startswith("_"):
            parts.append(one.name + default)
    return f"({', '.join(parts)})"


def spoken() -> Iterator[tuple[str, str]]:
    """Names with signatures in the reference."""
    yield from re.findall(SPOKEN, (ROOT / "docs" / "reference.md").read_text("utf-8"))


def resolve(name: str) -> object:
    """Return what a dotted name in vmt stands for."""
    thing: object = vmt
    for part in name.split(".")[1:]:
        thing = getattr(thing, part)
    return thing


def test_signatures_in_the_reference_are_those_of_the_code() -> None:
    """Every signature in docs/reference.md has the code's names, order and defaults."""
    found = list(spoken())
    assert len(found) > 60
    wrong = {name: shown(resolve(name)) for name, given in found if shown(resolve(name)) != given}
    assert wrong == {}


def test_every_public_function_has_its_signature_in_the_reference() -> None:
    """docs/reference.md has the signature of each function of vmt and its phantoms."""
    have = {name for name, _ in spoken()}
    functions = {f"vmt.{n}" for n in vmt.__all__ if inspect.isfunction(getattr(vmt, n))}
    phantoms = vmt.phantoms
    functions |= {
        f"vmt.phantoms.{n}" for n in phantoms.__all__ if inspect.isfunction(getattr(phantoms, n))
    }
    assert functions - have == set()


def test_dotted_names_in_the_pages_exist() -> None:
    """Names that start with vmt. in any page stand for something."""
    for page in PAGES:
        for name in re.findall(r"`(vmt(?:\.[A-Za-z_]\w*)+)", page.read_text("utf-8")):
            if name not in ("vmt.json", "vmt.toml"):
                resolve(name)


def test_members_in_the_reference_exist() -> None:
    """Attributes and methods that the reference lists for a class are there."""
    text = (ROOT / "docs" / "reference.md").read_text("utf-8")
    checked = 0
    for item in re.split(r"^- ", text, flags=re.M)[1:]:
        entry = item.split("\n\n")[0]
        found = re.match(r"`(vmt\.[\w.]+)", entry)
        assert found is not None, entry
        thing = resolve(found.group(1))
        if not inspect.isclass(thing):
            continue
        fields = set(getattr(thing, "__dataclass_fields__", ()))
        for member in re.findall(r"`\.(\w+)", entry):
            assert member in fields or hasattr(thing, member), (found.group(1), member)
            checked += 1
    assert checked > 60
    both = text.split("Both have", 1)[1].split("\n\n")[0]
    for model in (vmt.GaussianExcursionSet, vmt.ChiSquareExcursionSet):
        for member in re.findall(r"`\.(\w+)", both):
            assert hasattr(model, member)


# ---- examples


#: the README's example at a size that a test can afford: what is replaced by what
SMALLER = {"(200, 200, 200)": "(64, 64, 64)", "10e-9": "20e-9", "realizations=5": "realizations=2"}


def test_the_readme_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The README's Python block runs, at a smaller size, and prints what it says."""
    (code,) = blocks(ROOT / "README.md", "python")
    for large, small in SMALLER.items():
        assert large in code
        code = code.replace(large, small)
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    measured, closed_form = map(float, lines[0].split())
    assert measured == pytest.approx(closed_form, rel=0.15)
    assert lines[3].startswith("Calibration(ChiSquareExcursionSet")


@pytest.mark.parametrize(
    "page", [p for p in PAGES if p.name != "README.md"], ids=lambda p: str(p.relative_to(ROOT))
)
def test_other_python_blocks_run(page: Path) -> None:
    """Python blocks in the documentation run as they are."""
    for code in blocks(page, "python"):
        exec(compile(code, str(page), "exec"), {})


def test_the_sidecar_in_the_page_is_read(tmp_path: Path) -> None:
    """The raw sidecar of docs/formats.md, beside a file of that size, is read."""
    (text,) = blocks(ROOT / "docs" / "formats.md", "json")
    content = json.loads(text)
    small = text.replace(str(content["shape"]), "[4, 3, 2]")
    (tmp_path / "a.raw").write_bytes(bytes([0, 1] * 12))
    (tmp_path / "a.raw.json").write_text(small)
    m = vmt.read_labels(tmp_path / "a.raw")
    assert m.shape == (4, 3, 2)
    assert m.spacing == tuple(content["spacing [m]"])
    assert dict(m.phases) == content["phases"]


def test_formats_on_the_page_are_written_and_read(tmp_path: Path) -> None:
    """Each suffix that docs/formats.md calls written is written, and read as it was."""
    page = (ROOT / "docs" / "formats.md").read_text("utf-8")
    rows = re.findall(r"^\| (`\.[^|]*|none \(a folder\)) \| ([^|]*) \| ([^|]*) \|", page, re.M)
    assert len(rows) == 8
    m = vmt.ChiSquareExcursionSet(vmt.Covariance.gaussian(rate=8e6), 0.5).sample(
        (7, 8, 9), (40e-9, 20e-9, 30e-9), rng=1
    )
    for names, _, written in rows:
        for suffix in re.findall(r"`(\.\w+)`", names.partition("(")[0]) or [""]:
            target = tmp_path / f"{suffix.strip('.') or 'folder'}_image{suffix}"
            if written.startswith("no"):
                with pytest.raises(vmt.InputError):
                    vmt.write(m, target)
                continue
            vmt.write(m, target)
            again = vmt.read_labels(target)
            assert again.spacing == pytest.approx(m.spacing, rel=1e-9), suffix
            assert (again.labels == m.labels).all(), suffix


def test_every_decision_is_listed() -> None:
    """The list of decisions has each page, by its title and in order."""
    folder = ROOT / "docs" / "decisions"
    text = (folder / "README.md").read_text("utf-8")
    places = []
    for number, page in enumerate(sorted(folder.glob("[0-9]*.md")), start=1):
        title = page.read_text("utf-8").splitlines()[0].removeprefix("# ")
        assert title.startswith(f"{number}. ")
        place = text.find(f"{number}. [{title.partition(' ')[2]}]({page.name})")
        assert place > 0, page.name
        places.append(place)
    assert places == sorted(places)
