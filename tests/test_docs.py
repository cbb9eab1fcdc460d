"""The documentation builds without the network, and has what the package has."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="mkdocs is not installed: pip install '.[docs]'")

ROOT = Path(__file__).parents[1]
MODELS = sorted(path.parent.name for path in (ROOT / "saved_models").glob("*/card.json"))
LONGEST = 25  # words of a sentence
FETCHED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "video": "src"}


@pytest.fixture(scope="module")
def generate():
    """Import the modules of docs/generate, as the hook of MkDocs does."""
    sys.path.insert(0, str(ROOT / "docs" / "generate"))
    import command_pages
    import facts
    import hook
    import static

    yield {"command_pages": command_pages, "facts": facts, "hook": hook, "static": static}
    sys.path.remove(str(ROOT / "docs" / "generate"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", out]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


class Fetched(HTMLParser):
    """Collect what a browser fetches with a page, and its text."""

    def __init__(self):
        super().__init__()
        self.urls, self.text = [], []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag in FETCHED and not (tag == "link" and found.get("rel") in ("canonical", "next", "prev")):
            self.urls.append(found.get(FETCHED[tag]) or "")

    def handle_data(self, data):
        self.text.append(data)


def read(page):
    parser = Fetched()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def test_site_fetches_nothing_from_elsewhere(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 60
    for page in pages:
        assert not [url for url in read(page).urls if re.match(r"(https?:)?//", url)], page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(https?:)?//|@import", sheet.read_text(encoding="utf-8")), sheet


def test_site_has_no_sources_of_its_own(site):
    assert not list(site.rglob("*.py"))


def test_every_command_has_a_page_with_its_flags(site, generate):
    from mmzoo.cli.app import app

    commands = [name for name in app if not name.startswith("-")]
    assert set(commands) == set(generate["command_pages"].COMMANDS)
    for name in commands:
        text = "".join(read(site / "commands" / name / "index.html").text)
        inner = [app[name]] if name != "study" else [app[name][word] for word in app[name] if word[0] != "-"]
        arguments = [x for one in inner for x in one.assemble_argument_collection() if one.default_command]
        assert arguments or name == "list"
        for argument in arguments:
            flags = [flag for flag in argument.names if flag.startswith("--")]
            assert not flags or any(flag in text for flag in flags), (name, flags)


@pytest.mark.parametrize("recipe", ["spoken_digits", "sentiment", "contrastive_pretraining"])
def test_flags_of_a_recipe_are_those_of_its_command_line(recipe, generate):
    from mmzoo.cli.recipes import train

    pages = generate["command_pages"]
    rows = [row for shown in pages.collect((), train(recipe)).sections.values() for row in shown]
    printed = {label.split()[0]: text for label, text in rows}
    fields = [*pages.recipe_flags(recipe), *pages.common_flags(("train",))]
    read_from_source = {pages.flag(field).split()[0]: field.text for field in fields}
    assert set(printed) == set(read_from_source)
    for flag, text in read_from_source.items():
        assert printed[flag].startswith(text.partition("`")[0]), flag


def test_every_published_model_has_a_page(site):
    table = "".join(read(site / "models" / "index.html").text)
    for name in MODELS:
        page = read(site / "models" / name / "index.html")
        assert "Inputs and outputs" in "".join(page.text)
        assert name in table
        for url in page.urls:
            if url.endswith(".png"):
                assert (site / "models" / name / url).resolve().is_file(), url


def test_every_task_and_module_has_a_page(site, generate):
    from mmzoo import tasks

    assert generate["facts"].tasks() == tasks.names()
    for name in tasks.names():
        assert "Outputs and metrics" in "".join(read(site / "tasks" / name / "index.html").text)
    for package in ("encoders", "fusion", "heads", "losses", "metrics", "blocks"):
        text = "".join(read(site / "reference" / package / "index.html").text)
        for name in generate["static"].names_in(f"mmzoo.{package}"):
            assert f"mmzoo.{package}.{name}" in text


def test_facts_read_from_the_source_are_those_of_the_modules(generate):
    from mmzoo import recipes, tasks
    from mmzoo.verification.gpu_rules import RULES

    static, facts = generate["static"], generate["facts"]
    for name in tasks.names():
        found, task = static.module(f"mmzoo.tasks.{name}").keywords("TASK"), tasks.load(name)
        assert found["outputs"] == task.outputs
        for key in ("primary", "judged"):
            one, other = found[key], getattr(task, key)
            assert (one.key, one.label, one.higher_is_better) == (other.key, other.label, other.higher_is_better)
        assert [metric.key for metric in found["metrics"]] == [metric.key for metric in task.metrics]
    assert static.module("mmzoo.verification.gpu_rules").value("RULES") == RULES
    text = facts.sources()
    for name in recipes.names():
        recipe = getattr(recipes, name)
        for source in recipe.Config.sources:
            card = recipe.CARDS[source] if hasattr(recipe, "CARDS") else recipe.SOURCES[source].CARD
            assert card["name"] in text
            assert f"{name}: `{source}`" in text


def test_every_package_of_the_layers_says_what_it_holds(generate):
    rows = generate["facts"].tree().splitlines()[2:]
    assert {row.split("`")[1] for row in rows} == {
        path.stem
        for path in (ROOT / "mmzoo").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
        if path.stem != "__init__"
    }
    assert all(row.split("|")[2].strip() for row in rows)


def test_building_imports_no_tensorflow():
    code = "import sys; sys.path.insert(0, 'docs/generate'); import hook; hook.pages(); hook.facts.sources(); "
    code += "[hook.facts.task(name) for name in hook.facts.tasks()]; sys.exit('tensorflow' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=False)
    assert done.returncode == 0


def sentences(text):
    """Yield the sentences of the prose of a Markdown text: no code, tables, markers or addresses."""
    text = re.sub(r"```.*?```", "\n\n", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->|^---\n.*?\n---$", "", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line for line in text.splitlines() if not line.startswith(("|", "#", ":::"))]
    joined = re.sub(r"\n(?=\s*([-*]|\d+\.) )", "\n\n", "\n".join(lines))
    for paragraph in joined.split("\n\n"):
        plain = re.sub(r"\]\([^)]*\)", "]", " ".join(paragraph.split()))
        yield from re.split(r"(?<=[.!?:;])\s+", plain)


def words(sentence):
    return [word for word in sentence.split() if re.search(r"\w", word)]


def test_readme_is_short_and_its_sentences_too():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    assert not [one for one in sentences(text) if len(words(one)) > LONGEST]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.relative_to(ROOT / "docs").as_posix()
)
def test_sentences_of_a_page_are_short(path):
    assert not [one for one in sentences(path.read_text(encoding="utf-8")) if len(words(one)) > LONGEST]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "saved_models/README.md"])
def test_links_of_a_file_lead_somewhere(name, generate):
    text = (ROOT / name).read_text(encoding="utf-8")
    pages = {f"docs/{path}" for path in generate["hook"].pages()}
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in link:
            assert (ROOT / name).parent.joinpath(link).exists() or link in pages, link
