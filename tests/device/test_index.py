"""Tests of the embedding index: results against brute-force cosines, saving, one-line errors."""

import ast
import sys
from pathlib import Path

import numpy as np
import pytest

from mmzoo.device import index as module
from mmzoo.device.index import KINDS, Index, find

KIND = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def library(request):
    if "hnsw" in request.node.name:
        pytest.importorskip("faiss")


def embeddings(count=400, width=12, seed=0):
    return np.random.default_rng(seed).normal(size=(count, width)) * np.arange(1, count + 1)[:, None]


def nearest(rows, vector, k):
    cosines = rows @ vector / np.linalg.norm(rows, axis=1) / np.linalg.norm(vector)
    best = np.argsort(-cosines)[:k]
    return best, cosines[best]


@KIND
@pytest.mark.parametrize("k", [1, 7, 400])
def test_search_any_kind_equals_brute_force(kind, k):
    rows, queries = embeddings(), embeddings(5, seed=1)
    names = [f"image {i}" for i in range(len(rows))]
    index = Index(rows, names, kind)
    assert (len(index), index.width, index.kind) == (400, 12, kind)
    for vector in queries:
        found, (best, cosines) = index.search(vector, k), nearest(rows, vector, k)
        assert [name for name, _ in found] == [names[i] for i in best]
        np.testing.assert_allclose([c for _, c in found], cosines, atol=1e-6)


@KIND
def test_more_like_excludes_the_entry(kind):
    rows = embeddings()
    index = Index(rows, np.arange(400) + 1000, kind)
    best, cosines = nearest(rows, rows[17], 6)
    assert best[0] == 17
    found = index.more_like(1017, 5)
    assert [name for name, _ in found] == (best[1:] + 1000).tolist()
    np.testing.assert_allclose([c for _, c in found], cosines[1:], atol=1e-6)
    assert len(index.more_like(1017, 10_000)) == 399
    assert len(index.search(rows[3], 10_000)) == 400


@KIND
def test_more_like_duplicates_returns_all(kind):
    rows = np.repeat(embeddings(3), 4, axis=0)
    for i in range(12):
        found = [name for name, _ in Index(rows, kind=kind).more_like(i, 3)]
        assert sorted([i, *found]) == list(range(i // 4 * 4, i // 4 * 4 + 4))


@KIND
@pytest.mark.parametrize("named", [True, False])
def test_load_saved_index_searches_equally(kind, named, tmp_path):
    rows, queries = embeddings(), embeddings(5, seed=1)
    index = Index(rows, [f"ü{i}" for i in range(400)] if named else None, kind)
    index.save(tmp_path / "index")
    again = Index.load(tmp_path / "index")
    assert (again.ids, again.kind, again.width) == (index.ids, kind, 12)
    for vector in queries:
        assert [name for name, _ in again.search(vector)] == [name for name, _ in index.search(vector)]
    (one, other) = (found.more_like(index.ids[5]) for found in (again, index))
    assert [name for name, _ in one] == [name for name, _ in other]
    np.testing.assert_allclose([c for _, c in one], [c for _, c in other], atol=1e-6)
    again.save(tmp_path / "index")
    assert Index.load(tmp_path / "index").search(queries[0]) == again.search(queries[0])
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_index_leaves_caller_array_unchanged():
    rows = embeddings().astype(np.float32)
    before = rows.copy()
    Index(rows)
    np.testing.assert_array_equal(rows, before)


BAD = {
    "no rows": (lambda: Index(np.zeros((0, 4))), r"embeddings: expected numbers \(N, D\). Received: float64 \(0, 4\)"),
    "one row": (lambda: Index(np.ones(4)), r"embeddings: expected numbers \(N, D\)"),
    "words": (lambda: Index([["a", "b"]]), r"embeddings: expected numbers \(N, D\)"),
    "a row of zeros": (lambda: Index(np.eye(4)[[0, 1]] * [[1], [0]]), "Received: 1 invalid, the first in row 1"),
    "not finite": (lambda: Index(np.array([[1.0, np.nan]])), "expected finite rows"),
    "an id twice": (lambda: Index(np.eye(3), ["a", "b", "a"]), "ids: expected distinct ids. Received: 'a' twice"),
    "few ids": (lambda: Index(np.eye(3), ["a", "b"]), "ids: expected 3 strings or whole numbers. Received: 2 of str"),
    "floats": (
        lambda: Index(np.eye(2), [0.5, 1.5]),
        "ids: expected 2 strings or whole numbers. Received: 2 of float",
    ),
    "kind": (lambda: Index(np.eye(2), kind="tree"), "kind: expected exact or hnsw. Received: tree"),
    "k of 0": (lambda: Index(np.eye(3)).search(np.ones(3), 0), "k: expected a whole number from 1. Received: 0"),
    "k below 0": (lambda: Index(np.eye(3)).more_like(0, -2), "k: expected a whole number from 1. Received: -2"),
    "half k": (lambda: Index(np.eye(3)).search(np.ones(3), 1.5), "k: expected a whole number from 1"),
    "width": (lambda: Index(np.eye(3)).search(np.ones(4)), r"vector: expected 3 numbers. Received: float64 \(4,\)"),
    "empty": (lambda: Index(np.eye(3)).search(np.array([])), "vector: expected 3 numbers"),
    "zeros": (
        lambda: Index(np.eye(3)).search(np.zeros(3)),
        "expected a finite embedding of non-zero norm. Received: only zeros",
    ),
    "infinite": (lambda: Index(np.eye(3)).search(np.full(3, np.inf)), "numbers that are not finite"),
    "unknown id": (lambda: Index(np.eye(3)).more_like(7), "id: expected one of the 3 in the index. Received: 7"),
}


@pytest.mark.parametrize(("work", "message"), BAD.values(), ids=BAD)
def test_index_bad_input_raises_one_line(work, message):
    with pytest.raises(ValueError, match=message) as raised:
        work()
    assert "\n" not in str(raised.value)


def test_load_bad_file_raises_with_its_name(tmp_path):
    index = Index(np.eye(3))
    index.save(tmp_path / "whole")
    content = (tmp_path / "whole").read_bytes()
    np.savez(tmp_path / "other.npz", a=np.eye(2))
    (tmp_path / "half").write_bytes(content[: len(content) // 2])
    (tmp_path / "text").write_text("an index")
    (tmp_path / "empty").write_bytes(b"")
    for name in ("half", "text", "empty", "other.npz", "none"):
        with pytest.raises(ValueError, match=f"{name}: expected an index that was saved") as raised:
            Index.load(tmp_path / name)
        assert "\n" not in str(raised.value)
    with pytest.raises(ValueError, match="expected a place that can be written"):
        index.save(tmp_path / "no" / "such" / "folder")


def test_index_without_faiss_names_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ValueError, match="faiss is not installed, which an hnsw index needs: pip install faiss-cpu"):
        Index(np.eye(3), kind="hnsw")
    assert Index(np.eye(3)).search(np.eye(3)[1], 1) == [(1, 1.0)]


def test_load_hnsw_truncated_or_without_faiss_raises(monkeypatch, tmp_path):
    pytest.importorskip("faiss")
    Index(embeddings(), kind="hnsw").save(tmp_path / "index")
    with np.load(tmp_path / "index") as file:
        about, graph = file["about"], file["graph"]
    assert graph.nbytes < 400 * (12 * 4 + 8 * 4 * 16), "vectors are stored once"
    np.savez(tmp_path / "cut.npz", about=about, graph=graph[: len(graph) // 2])
    with pytest.raises(ValueError, match=r"cut\.npz: expected an index that was saved"):
        Index.load(tmp_path / "cut.npz")
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ValueError, match="pip install faiss-cpu"):
        Index.load(tmp_path / "index")


def test_find_uses_the_embedding_of_the_given_modality():
    index = Index(np.eye(3), ["cat", "dog", "bus"])

    def runner(**given):
        ((name, value),) = given.items()
        return {f"{name}_embedding": np.eye(3)[value]}

    assert find(runner, index, 1, text=2) == [("bus", 1.0)]
    assert find(runner, index, 1, image=1, text=None) == [("dog", 1.0)]
    for query in ({}, {"text": None}, {"text": 1, "image": 2}):
        with pytest.raises(ValueError, match=r"query: expected one of text or image. Received: (nothing|text, image)"):
            find(runner, index, **query)
    with pytest.raises(ValueError, match=r"text: expected a model with the output text_embedding. Received: embedding"):
        find(lambda **_: {"embedding": np.ones(3)}, index, text=1)


def test_index_module_imports_only_numpy():
    """Check that faiss is imported lazily."""
    tree = ast.parse(Path(module.__file__).read_text())
    names = {ast.unparse(node).split()[1].split(".")[0] for node in tree.body if isinstance(node, ast.Import)}
    names |= {node.module.split(".")[0] for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert names <= {"json", "os", "zipfile", "collections", "pathlib", "typing", "numpy"}
