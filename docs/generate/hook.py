"""The hook of MkDocs that writes the generated pages and fills the generated parts of the others.

A page names a generated part by a comment: `<!-- generate: task classification -->`.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

import facts
from command_pages import COMMANDS, command_list, command_page
from mkdocs.structure.files import File, Files
from static import ROOT, module, names_in

DIRECTIVE = re.compile(r"<!-- generate: (\w+) ?(\S*) -->")
IMAGE = re.compile(r"(!\[[^]]*\]\()([\w.-]+\.png)\)")
PICTURES = ("saved_models/*/*.png", "recipes/**/*.png")  # shown on pages, copied below `pictures/`
SUBPACKAGES = {"data": ("augment", "boxes", "decode", "download", "features", "tables")}


def models() -> list[str]:
    """Return the names of the published models."""
    return sorted(path.parent.name for path in (ROOT / "saved_models").glob("*/card.json"))


def pages() -> dict[str, str]:
    """Return `{path: Markdown}` of the pages that are generated whole."""
    found = {f"commands/{name}.md": command_page(name) for name in COMMANDS}
    found |= {f"models/{name}.md": include(f"saved_models/{name}/README.md", f"models/{name}.md") for name in models()}
    found["changelog.md"] = include("CHANGELOG.md", "changelog.md")
    found["contributing.md"] = include("CONTRIBUTING.md", "contributing.md")
    found["security.md"] = include("SECURITY.md", "security.md")
    return found


def include(path: str, page: str, demote: bool = False) -> str:
    """Return a Markdown file of the repository for `page`: its pictures are found, its headings one level lower."""
    text = (ROOT / path).read_text(encoding="utf-8")
    folder = posixpath.relpath(f"pictures/{posixpath.dirname(path)}", posixpath.dirname(page) or ".")
    text = IMAGE.sub(lambda found: f"{found[1]}{folder}/{found[2]})", text)
    return re.sub(r"^#", "##", text, flags=re.MULTILINE) if demote else text


def models_table() -> str:
    """Return the full comparison table, with links to the pages of the models."""
    text = (ROOT / "saved_models" / "README.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return re.sub(r"\]\((\w+)/\)", r"](\1.md)", "\n".join(rows))


def reference(package: str) -> str:
    """Return the directives of mkdocstrings for each module of a package."""
    if not (ROOT / "mmzoo" / package).is_dir():
        return f"::: mmzoo.{package}"
    lines = [module(f"mmzoo.{package}").doc, ""]
    for folder in (package, *(f"{package}.{inner}" for inner in SUBPACKAGES.get(package, ()))):
        lines += [f"::: mmzoo.{folder}.{name}" for name in names_in(f"mmzoo.{folder}")]
    return "\n\n".join(lines)


PARTS = {
    "task": facts.task,
    "task_list": lambda _: facts.task_list(),
    "sources": lambda _: facts.sources(),
    "gpu_rules": lambda _: facts.gpu_rules(),
    "card_schema": lambda _: facts.card_schema(),
    "tree": lambda _: facts.tree(),
    "command_list": lambda _: command_list(),
    "models_table": lambda _: models_table(),
    "reference": reference,
}


def on_config(config: Any, **_: Any) -> Any:
    """List the generated pages in the navigation."""
    generated = {
        "Commands": [f"commands/{name}.md" for name in COMMANDS],
        "Tasks": [f"tasks/{name}.md" for name in facts.tasks()],
        "Models": [{name: f"models/{name}.md"} for name in models()],
    }
    for section in config["nav"]:
        for title, entries in section.items():
            if title in generated:
                entries += generated[title]
    return config


def on_files(files: Files, config: Any, **_: Any) -> Files:
    """Add the generated pages, and the pictures of models, studies and the gallery."""
    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    for pattern in PICTURES:
        for path in sorted(ROOT.glob(pattern)):
            uri = f"pictures/{Path(path).relative_to(ROOT).as_posix()}"
            files.append(File.generated(config, uri, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Fill the generated parts of a page."""

    def part(found: re.Match) -> str:
        name, argument = found.groups()
        return include(argument, page.file.src_uri, demote=True) if name == "include" else PARTS[name](argument)

    return DIRECTIVE.sub(part, markdown)
