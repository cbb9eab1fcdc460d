"""Every table of the suite: its kinds of columns, its splits, and no target or group where it must not be."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mmzoo.data.arrays import SPLITS
from mmzoo.data.decode.sniff import kind_of_file
from mmzoo.data.tables.column_types import infer_columns, infer_target
from mmzoo.data.tables.read import read_table
from mmzoo.errors import BadInputError
from mmzoo.studies.own_tables.sets import all_tables, chosen, list_tables
from mmzoo.studies.own_tables.table import write_table

BUNDLED = ("tumours", "diabetes")  # in scikit-learn
FEW, MANY = 60, 300  # rows of a split


CONTENTS = {}  # of the tables, loaded once


def content(name, data_dir):
    """Load a table once; the small ones need no data."""
    if name not in CONTENTS:
        CONTENTS[name] = all_tables()[name].load(data_dir)
    return CONTENTS[name]


@pytest.fixture
def loaded(data_dir):
    """Return a function from the name of a table to its rows."""
    return lambda name: content(name, data_dir).frame


def disjoint(frame, keys):
    """Check that no key is in two splits."""
    return pd.Series(frame["split"].to_numpy()).groupby(np.asarray(keys)).nunique().max() == 1


@pytest.mark.parametrize("name", [*all_tables()])
def test_table_is_written_as_fit_reads_it(name, tmp_path, request):
    """All files are there; files, texts and dates are read as such; a few whole numbers may be a category."""
    data_dir = None if name in BUNDLED else request.getfixturevalue("data_dir")
    table = replace(all_tables()[name], load=lambda data_dir: content(name, data_dir))
    path, record = write_table(table, tmp_path, data_dir, MANY if name in ("ratings", "occupancy") else FEW)
    target, kinds = table.target, record["columns"]
    frame = pd.read_csv(path)
    assert set(frame) == {*kinds, target, "split"}
    assert all(record["rows"][split] > 1 for split in SPLITS)
    assert frame[target].notna().all()
    for column in [column for column, kind in kinds.items() if kind in ("image", "audio")]:
        for cell in frame[column].dropna():
            assert kind_of_file(path.parent / cell) == kinds[column]
    assert infer_target(content(name, data_dir).frame.astype({target: str}), target, table.task) == table.task
    found, left_out = infer_columns(read_table(path, target).drop(columns=[target, "split"]), path.parent)
    read = {column.name: column.kind for column in found}
    for column, kind in kinds.items():
        if kind in ("number", "category"):
            assert read.get(column) in ("number", "category") or (column, "one value") in left_out, column
        else:
            assert read.get(column) == kind, (column, left_out)


def test_missing_source_is_one_line(tmp_path, monkeypatch):
    monkeypatch.delenv("MMZOO_DATA_DIR", raising=False)
    for table in all_tables().values():
        if table.name not in BUNDLED:
            with pytest.raises(BadInputError, match=r"not found in `data_dir` or MMZOO_DATA_DIR$"):
                table.load(tmp_path)


def test_kinds_and_sizes_that_people_bring(data_dir):
    tables = all_tables()
    assert len(tables) >= 12
    kinds = {table.kind for table in tables.values()}
    assert {"image", "text", "audio", "numbers", "image + text", "image + text + numbers", "audio + text"} <= kinds
    assert {"two images", "numbers (series)", "categories + numbers"} <= kinds
    assert {table.task for table in tables.values()} == {"class", "number", "labels"}
    assert [name for name, table in tables.items() if table.name != name] == []


def test_tables_are_chosen_by_name():
    assert [table.name for table in chosen("diabetes, eyes")] == ["diabetes", "eyes"]
    assert len(chosen("")) == len(all_tables())
    with pytest.raises(BadInputError, match=r"`tables` must be names of eyes, .*, got nose"):
        chosen("eyes,nose")
    lines = list_tables(chosen("")).splitlines()
    assert len(lines) == len(all_tables())
    assert all("split: " in line for line in lines)


@pytest.mark.parametrize("name", ["product_titles", "product_colour", "product_gender", "film_genres", "film_rating"])
def test_titles_are_in_one_split(name, loaded):
    frame = loaded(name)
    assert disjoint(frame, frame["title"])


def test_photos_of_products_are_in_one_split(loaded):
    frame = loaded("product_photos")
    assert frame["photo"].is_unique
    assert frame["type"].nunique() == 30


def test_patients_and_pictures_are_in_one_split(loaded, data_dir):
    lines = (data_dir / "arrays/medpix2/descriptions.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line)["case"] for line in lines]
    region = loaded("scan_region")
    assert disjoint(region, [cases[int(name[6:11])] for name in region["picture"]])
    pairs = loaded("scan_pairs")
    both = [[cases[int(name[6:11])] for name in pairs[column]] for column in ("picture_1", "picture_2")]
    assert both[0] == both[1]
    assert len(set(both[0])) == len(pairs)
    assert (pairs["picture_1"] != pairs["picture_2"]).all()
    questions = loaded("scan_questions")
    assert disjoint(questions, questions["picture"])
    assert set(questions["answer"]) == {"yes", "no"}


def test_persons_are_in_one_split(loaded):
    faces = loaded("faces")
    person = {column: faces[column].str[6:9].astype(int) // 10 for column in ("first", "second")}
    assert ((person["first"] == person["second"]) == (faces["person"] == "same")).all()
    assert (faces["first"] != faces["second"]).all()
    both = pd.concat([faces.assign(who=person[column]) for column in person])
    assert disjoint(both, both["who"])
    assert faces["person"].value_counts().nunique() == 1


def test_students_are_in_one_split(loaded, data_dir):
    frame = loaded("hand_signs")
    arrays = np.load(data_dir / "arrays/sign_digits/sign_digits_64.npz")
    taken = pd.Series([int(name[4:8]) for name in arrays["name"]], name="taken")
    rows = frame.assign(row=frame["picture"].str[6:11].astype(int)).set_index("row").sort_index()
    rows["taken"] = taken
    rows = rows.sort_values("taken")
    # a student's pictures follow one another: within a run of rising digits the split never changes
    same = rows["digit"].diff().fillna(-1) >= 0
    assert (rows["split"].eq(rows["split"].shift()) | ~same).all()
    assert 200 <= (~same).sum() <= 230  # 218 students


def test_speakers_are_in_one_split(loaded, data_dir):
    clips = pd.read_csv(data_dir / "arrays/speech_commands_test/clips.csv")
    frame = loaded("commands")
    names = clips["file"].str.removesuffix(".ogg") + "/" + clips["offset"].map("{:04d}.wav".format)
    speaker = frame["sound"].map(dict(zip(names, clips["speaker"], strict=True)))
    known = speaker.notna()
    assert known.mean() > 0.8
    assert disjoint(frame[known], speaker[known])
    assert set(frame["word"]) >= {"yes", "unknown", "silence"}


def test_sentence_does_not_hold_the_word(loaded, data_dir):
    frame = loaded("wake_words")
    plain = frame["sentence"].str.lower().str.replace(r"[^a-z]", "", regex=True)
    for word in frame["word"].unique():
        assert not plain.str.contains(word.lower()).any()
    calls = json.loads((data_dir / "arrays/wuw_corpus_ii/clips.json").read_text(encoding="utf-8"))["context"]
    session = [calls[int(name[6:11])]["session"] for name in frame["sound"]]
    assert disjoint(frame, session)


def test_official_splits_are_kept(loaded, data_dir):
    events = loaded("sound_events")
    assert events.groupby("split").size().to_dict() == {"train": 240, "validation": 80, "test": 80}
    assert disjoint(events, events["sound"].str.split("-").str[0])
    eyes = np.load(data_dir / "arrays/eye_state/eye_state.npz")
    assert (loaded("eyes")["split"] == np.array(SPLITS)[eyes["split"]]).all()
    room = loaded("occupancy")
    assert room.groupby("split").size().to_dict() == {"train": 8143, "validation": 2665, "test": 9752}
    photos = loaded("photos")
    assert (photos["photo"].str.startswith("test/") == (photos["split"] == "test")).all()
    assert photos["photo"].is_unique


def test_ratings_of_the_test_are_official(loaded, data_dir):
    frame = loaded("ratings")
    arrays = np.load(data_dir / "arrays/ml100k_posters/ml100k.npz")
    official = {tuple(row) for row in arrays["ratings"][arrays["u1_test"], :2].tolist()}
    pairs = [tuple(row) for row in frame[["user_id", "film_id"]].to_numpy().tolist()]
    assert [pair in official for pair in pairs] == (frame["split"] == "test").tolist()
    assert len(frame) == 30_000


def test_windows_are_statistics_of_a_second(loaded, data_dir):
    frame = loaded("activity")
    arrays = np.load(data_dir / "arrays/phone_watch_har/phone_watch_har.npz")
    first = arrays["phone"][:50].astype(float)
    row = frame.iloc[0]
    assert row["phone_acceleration_y_mean"] == pytest.approx(first[:, 1].mean(), abs=1e-4)
    assert row["phone_rotation_z_maximum"] == pytest.approx(first[:, 5].max(), abs=1e-4)
    assert len(frame.columns) == 2 * 6 * 5 + 2
    assert frame.groupby("split").size().min() > 300
