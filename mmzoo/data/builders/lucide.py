"""Lucide as tfds records: 1,776 icons drawn in lines, with names and tags, from a pinned GitHub commit.

Importing this module registers the builder `lucide` with tensorflow_datasets; nothing else in mmzoo imports it before
a user asks for the data. Source: https://github.com/lucide-icons/lucide, license ISC.
"""

import json

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
    """Records of `image` `(48, 48, 1)` uint8, black on white, its `svg`, `name`, `tags` and `categories`.

    Icons of the same drawing are in one split. `archive_dir` is searched for the archive before anything is
    downloaded.
    """

    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, *args, archive_dir=None, **kwargs):
        super().__init__(*args, **kwargs)
        self._archive_dir = archive_dir

    def _info(self):
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

    def _split_generators(self, dl_manager):
        path = find_or_download(ARCHIVE, self._archive_dir, dl_manager.download_dir)
        members = read_members(path, ARCHIVE)
        return {split: self._generate_examples(members, split) for split in SPLITS}

    def _generate_examples(self, members, split):
        for name in (name for name in members if name.endswith(".svg")):
            svg = b" ".join(members[name].split())
            if split_of(svg) == split:
                said = _said(members, name.removesuffix(".svg") + ".json")
                image = draw_svg(svg, IMAGE, name)[..., None]
                icon = name.removeprefix("icons/").removesuffix(".svg")
                yield icon, {"image": image, "svg": svg.decode(), "name": icon, **said}


def _said(members, name):
    """Return the `tags` and `categories` in the JSON file `name` of an icon."""
    try:
        found = json.loads(members[name])
        said = {key: found[key] for key in ("tags", "categories")}
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(f"{name}: expected JSON with tags and categories. Received: {error!r:.200}") from None
    for key, words in said.items():
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise BadInputError(f"{name}: expected a list of strings as {key}. Received: {words!r:.100}")
    return said
