"""Tables of a shop: pictures of products with titles and attributes. A title is in one split only."""

from pathlib import Path

import numpy as np
import pandas as pd

from mmzoo.studies.own_tables.archives import drawn, find_file, jpeg, numbered, random_split, read_arrays
from mmzoo.studies.own_tables.table import Content, Table

TYPES, COLOURS = 30, 15  # most frequent classes
SOURCE = "fashion_titles, products of Myntra; no license stated"
SPLIT = "random, by title"
KINDS = {"photo": "image", "title": "text", "season": "category", "usage": "category"}


def _products(data_dir: str | Path | None, target: str, classes: int, columns: dict[str, str], count: int) -> Content:
    """Load `count` products of the most frequent `classes` of a column, with `columns` renamed; 0 takes all."""
    arrays = read_arrays("arrays/fashion_titles/images.npz", data_dir) if "photo" in columns else {}
    frame = pd.read_csv(find_file("arrays/fashion_titles/products.csv", data_dir))
    frame["photo"] = [f"photos/{row:05d}.jpg" for row in range(len(frame))]
    frame["year"] = frame["year"].astype("Int64")
    frame = frame[frame[target].isin(frame[target].value_counts().index[:classes])]
    if count:
        frame = drawn(frame, count)
    split = random_split(frame, target, "title")
    frame = frame[[*columns]].rename(columns=columns)
    frame["split"] = np.asarray(split)
    kinds = {name: KINDS[name] for name in columns if name in KINDS}
    return Content(frame, kinds, lambda name: jpeg(arrays, numbered(name)))


def product_photos(data_dir: str | Path | None) -> Content:
    """Load pictures of products and their type."""
    return _products(data_dir, "articleType", TYPES, {"photo": "photo", "articleType": "type"}, 4000)


def product_titles(data_dir: str | Path | None) -> Content:
    """Load titles of products and their type."""
    return _products(data_dir, "articleType", TYPES, {"title": "title", "articleType": "type"}, 0)


def product_colour(data_dir: str | Path | None) -> Content:
    """Load pictures and titles of products and their main colour."""
    columns = {"photo": "photo", "title": "title", "baseColour": "colour"}
    return _products(data_dir, "baseColour", COLOURS, columns, 5000)


def product_gender(data_dir: str | Path | None) -> Content:
    """Load pictures, titles, season, year and usage of products, and for whom they are: 1 : 120 at the extremes."""
    columns = {"photo": "photo", "title": "title", "season": "season", "year": "year", "usage": "usage"}
    return _products(data_dir, "gender", 5, columns | {"gender": "gender"}, 4000)


TABLES = (
    Table("product_photos", "image", "type", "class", SOURCE, SPLIT, product_photos),
    Table("product_titles", "text", "type", "class", SOURCE, SPLIT, product_titles),
    Table("product_colour", "image + text", "colour", "class", SOURCE, SPLIT, product_colour),
    Table("product_gender", "image + text + numbers", "gender", "class", SOURCE, SPLIT, product_gender),
)
