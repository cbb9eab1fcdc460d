"""Lucide as tfds records: 1,776 line icons with names and tags.

From a pinned GitHub commit. Importing this module registers the builder `lucide` with tensorflow_datasets. Nothing else
in mmzoo imports it before a user asks for the data. Source: https://github.com/lucide-icons/lucide, license ISC.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from mmzoo.data.batches.image_text import SPLITS, split_of
from mmzoo.data.decode.svg import draw_svg
from mmzoo.data.download.archive import Archive, find_or_download, read_members
from mmzoo.data.sources.icons import IMAGE
from mmzoo.errors import BadInputError

ARCHIVE = Archive(
    owner_repo="lucide-icons/lucide",
    commit="33a44aa8b0b43d9b0ed14eb08860a1b5550a1573",
    wanted=r"icons/[\w-]+\.(svg|json)",
    sha256="d23cdcc6e1905f2abd8f049e4cbda64d712ba065c2878d6acab48f823754997a",
)


class Lucide(tfds.core.GeneratorBasedBuilder):
    """tfds builder of Lucide: line icons with names and tags.

    Records hold `image` `(48, 48, 1)` uint8, black on white, its `svg`, `name`, `tags` and `categories`. Icons of the
    same drawing are in one split. `archive_dir` is searched for the archive before a download.
    """

    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, *args: Any, archive_dir: str | Path | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._archive_dir = archive_dir

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "image": tfds.features.Image(shape=(IMAGE, IMAGE, 1)),
            "svg": tfds.features.Text(),
            "name": tfds.features.Text(),
            "tags": tfds.features.Sequence(tfds.features.Text()),
            "categories": tfds.features.Sequence(tfds.features.Text()),
        }
        return self.dataset_info_from_configs(
            description="Icons drawn in lines, each with a name, tags and categories.",
            homepage="https://github.com/lucide-icons/lucide",
            license="ISC",
            features=tfds.features.FeaturesDict(features),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        path = find_or_download(ARCHIVE, self._archive_dir, dl_manager.download_dir)
        members = read_members(path, ARCHIVE)
        return {split: self._generate_examples(members, split) for split in SPLITS}

    def _generate_examples(self, members: dict[str, bytes], split: str) -> Iterator[tuple[str, dict]]:
        for name in (name for name in members if name.endswith(".svg")):
            svg = b" ".join(members[name].split())
            if split_of(svg) == split:
                tags = _tags(members, name.removesuffix(".svg") + ".json")
                image = draw_svg(svg, IMAGE, name)[..., None]
                icon = name.removeprefix("icons/").removesuffix(".svg")
                yield icon, {"image": image, "svg": svg.decode(), "name": icon, **tags}


def _tags(members: dict[str, bytes], name: str) -> dict[str, list[str]]:
    """Read `tags` and `categories` from an icon's JSON file `name`."""
    try:
        found = json.loads(members[name])
        tags = {key: found[key] for key in ("tags", "categories")}
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(f"{name}: expected JSON with tags and categories. Received: {error!r:.200}") from None
    for key, words in tags.items():
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise BadInputError(f"{name}: expected a list of strings as {key}. Received: {words!r:.100}")
    return tags
