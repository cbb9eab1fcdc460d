"""Tables of films: posters, titles, genres and ratings of MovieLens 100k."""

from pathlib import Path

import numpy as np
import pandas as pd

from mmzoo.studies.own_tables.archives import drawn, find_file, jpeg, numbered, random_split, read_arrays
from mmzoo.studies.own_tables.table import Content, Table

SOURCE = "MovieLens 100k with posters; research use"
RATED = 10  # ratings that a mean needs
RATINGS = 30_000


def _films(data_dir: str | Path | None) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Return one row for each film, and the arrays."""
    arrays = read_arrays("arrays/ml100k_posters/ml100k.npz", data_dir)
    films = pd.read_csv(find_file("arrays/ml100k_posters/items.csv", data_dir))
    there = arrays["has_poster"]
    films["poster"] = [f"posters/{row:05d}.jpg" if there[row] else None for row in range(len(films))]
    names = [str(name) for name in arrays["genre_names"]]
    films["genres"] = ["|".join(np.array(names)[row == 1].tolist()) for row in arrays["genres"]]
    films["year"] = pd.to_numeric(films["release"].str[-4:], errors="coerce").astype("Int64")
    return films, arrays


def _content(frame: pd.DataFrame, kinds: dict[str, str], arrays: dict[str, np.ndarray]) -> Content:
    kinds = {"poster": "image", "title": "text"} | kinds
    return Content(frame, kinds, lambda name: jpeg(arrays, numbered(name), "poster_jpg", "poster_off"))


def film_genres(data_dir: str | Path | None) -> Content:
    """Load posters, titles and years of films, and their genres, several each."""
    films, arrays = _films(data_dir)
    films = films[~films["genres"].isin(["", "unknown"])].reset_index(drop=True)
    films["first"] = films["genres"].str.split("|").str[0]
    films["split"] = random_split(films, "first", "title")  # a few films are there twice
    return _content(films[["poster", "title", "year", "genres", "split"]], {}, arrays)


def film_rating(data_dir: str | Path | None) -> Content:
    """Load posters, titles, genres and dates of films, and their mean rating, 1 to 5."""
    films, arrays = _films(data_dir)
    ratings = pd.DataFrame(arrays["ratings"][:, 1:3], columns=["item", "rating"]).groupby("item")["rating"]
    films["rating"] = films["item"].map(ratings.mean()).round(3)
    films = films[films["item"].map(ratings.size()).fillna(0) >= RATED].reset_index(drop=True)
    films["genres"] = films["genres"].str.replace("|", ", ", regex=False)
    films["split"] = random_split(films, "rating", "title")
    return _content(
        films[["poster", "title", "genres", "release", "rating", "split"]],
        {"genres": "text", "release": "date"},
        arrays,
    )


def ratings(data_dir: str | Path | None) -> Content:
    """Load ratings of films by people, with both identifiers; test rows are official test rows (u1)."""
    films, arrays = _films(data_dir)
    users = pd.read_csv(find_file("arrays/ml100k_posters/users.csv", data_dir))
    frame = pd.DataFrame(arrays["ratings"][:, :3], columns=["user_id", "film_id", "rating"])
    official = np.isin(np.arange(len(frame)), arrays["u1_test"])
    held = np.random.default_rng(0).random(len(frame)) < 0.15
    frame["split"] = np.where(official, "test", np.where(held, "validation", "train"))
    frame = drawn(frame, RATINGS)
    frame = frame.merge(users, left_on="user_id", right_on="user").merge(films, left_on="film_id", right_on="item")
    columns = ["user_id", "film_id", "age", "gender", "occupation", "year", "rating", "split"]
    kinds = dict.fromkeys(("user_id", "film_id", "gender", "occupation"), "category")
    return Content(frame[columns], kinds)


TABLES = (
    Table("film_genres", "image + text + numbers", "genres", "labels", SOURCE, "random, by title", film_genres),
    Table("film_rating", "image + text + numbers", "rating", "number", SOURCE, "random, by title", film_rating),
    Table("ratings", "categories + numbers", "rating", "number", SOURCE, "official test (u1), random", ratings),
)
