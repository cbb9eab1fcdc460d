"""What is most like this: embeddings of many things, searched with that of one."""

import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

KINDS = ("exact", "hnsw")
LINKS = 16  # of a thing to others, in the graph of `hnsw`
BUILD, EFFORT = 80, 64  # things that are looked at for a place in the graph, and for an answer
MISSING = "hnsw: expected faiss: pip install faiss-cpu. Received: not installed"
BLOCK = 65_536  # things that are compared at a time
SHORTEST = 1e-6  # length of an embedding that says something
ROUNDED = 1e-6  # from length 1 at most, where it is 1 already: what was saved stays what it was


class Index:
    """Embeddings `(N, D)` with an id each, searched by the cosine of the angle to another embedding.

    `exact` compares with all, by NumPy alone; `hnsw` follows links between neighbors (Malkov and Yashunin 2020) by
    faiss, and may miss some: for hundreds of thousands and more. An embedding of length 0 is like nothing.

    Args:
        embeddings: `(N, D)` numbers, of any length but 0; they are kept as float32 of length 1.
        ids: N strings or whole numbers, no two alike; by default 0 to N - 1.
        kind: exact or hnsw.

    Attributes:
        ids: the ids in their order.
        kind: exact or hnsw.

    Raises:
        ValueError: one line that says what was expected and received; of `hnsw` also where faiss is not installed.
    """

    def __init__(self, embeddings: np.ndarray, ids: Sequence[str | int] | None = None, kind: str = "exact"):
        vectors = np.asarray(embeddings)
        if vectors.ndim != 2 or not vectors.size or vectors.dtype.kind not in "fiu":
            raise ValueError(f"embeddings: expected numbers (N, D). Received: {vectors.dtype} {vectors.shape}")
        if kind not in KINDS:
            raise ValueError(f"kind: expected {' or '.join(KINDS)}. Received: {kind}")
        self.kind, self.ids = kind, _checked_ids(ids, len(vectors))
        self._row = {name: i for i, name in enumerate(self.ids)}
        self._vectors, self._graph = _unit_rows(vectors), None
        if kind == "hnsw":
            self._graph = _graph(self._vectors)
            self._vectors = _stored(self._graph)  # kept once

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def width(self) -> int:
        """How many numbers an embedding has."""
        return self._vectors.shape[1]

    def search(self, vector: np.ndarray, k: int = 10) -> list[tuple[str | int, float]]:
        """Return up to `k` pairs of an id and its cosine in [-1, 1], the most like `vector` `(D,)` first.

        Raises:
            ValueError: `k` is below 1, or `vector` is of another width, not finite, or of length 0, as the embedding of
                what was not given.
        """
        query, k = np.asarray(vector), self._count(k)
        if query.shape != (self.width,) or query.dtype.kind not in "fiu":
            raise ValueError(f"vector: expected {self.width} numbers. Received: {query.dtype} {query.shape}")
        query = query.astype(np.float32)
        length = np.linalg.norm(query)
        if not np.isfinite(length) or length < SHORTEST:
            said = "zeros: nothing was asked" if length < SHORTEST else "numbers that are not finite"
            raise ValueError(f"vector: expected an embedding. Received: {said}")
        return self._nearest(query / length, k)

    def more_like(self, name: str | int, k: int = 10) -> list[tuple[str | int, float]]:
        """Return up to `k` pairs as `search` does, those most like the thing of the id `name`, without itself.

        Raises:
            ValueError: `k` is below 1, or there is no such id.
        """
        k = self._count(k)
        if name not in self._row:
            raise ValueError(f"id: expected one of the {len(self)} in the index. Received: {name!r:.80}")
        found = self._nearest(self._vectors[self._row[name]], k + 1)
        return [pair for pair in found if pair[0] != name][:k]

    def save(self, path: str | os.PathLike) -> None:
        """Write the index to the file `path`, by way of a temporary one."""
        path = Path(path)
        temporary = path.with_name(f".{path.name}.tmp")
        about = json.dumps({"kind": self.kind, "ids": self.ids if self.ids != list(range(len(self))) else None})
        whole = {"vectors": self._vectors} if self._graph is None else {"graph": _bytes_of(self._graph)}
        arrays = {"about": np.frombuffer(about.encode(), np.uint8), **whole}
        try:
            with temporary.open("wb") as file:
                np.savez(file, **arrays)
            os.replace(temporary, path)
        except OSError as error:
            raise ValueError(f"{path}: expected a place that can be written. Received: {error.strerror}") from None
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Index":
        """Return the index that `save` wrote to `path`.

        Raises:
            ValueError: there is no such file or it is no index; of `hnsw` also where faiss is not installed.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                about = json.loads(file["about"].tobytes())
                kind, ids = about["kind"], about["ids"]
                whole = file["graph" if kind == "hnsw" else "vectors"]
            graph = _read_graph(whole) if kind == "hnsw" else None
            index = cls(whole if graph is None else _stored(graph), ids)
        except ImportError:
            raise ValueError(MISSING) from None
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, EOFError, zipfile.BadZipFile) as error:
            reason = " ".join(str(error).split())[:200]
            raise ValueError(f"{path}: expected an index that was saved. Received: {reason}") from None
        if graph is not None:
            index.kind, index._graph, index._vectors = kind, graph, _stored(graph)
        return index

    def _count(self, k: int) -> int:
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise ValueError(f"k: expected a whole number from 1. Received: {k!r:.40}")
        return min(int(k), len(self) + 1)

    def _nearest(self, query: np.ndarray, k: int) -> list[tuple[str | int, float]]:
        k = min(k, len(self))
        if self._graph is not None:
            self._graph.hnsw.efSearch = max(EFFORT, 2 * k)
            cosines, rows = (found[0] for found in self._graph.search(query[None], k))
            return [(self.ids[i], float(c)) for i, c in zip(rows, cosines, strict=True) if i >= 0]
        parts = [self._vectors[i : i + BLOCK] @ query for i in range(0, len(self), BLOCK)]
        cosines = np.concatenate(parts)
        best = np.argpartition(-cosines, k - 1)[:k]
        best = best[np.argsort(-cosines[best], kind="stable")]
        return [(self.ids[i], float(cosines[i])) for i in best]


def find(runner: Any, index: Index, k: int = 10, **query: Any) -> list[tuple[str | int, float]]:
    """Return what in `index` is most like the one thing asked for: `text="a red bus"` or `image="bus.png"`.

    `runner` is a `Runner` whose model answers `text` with `text_embedding`, and so on; the index holds such embeddings.

    Raises:
        ValueError: nothing is asked for, or two things, or as `Runner` and `Index.search`.
    """
    given = {name: value for name, value in query.items() if value is not None}
    if len(given) != 1:
        raise ValueError(f"query: expected one of text or image. Received: {', '.join(given) or 'nothing'}")
    (name,) = given
    outputs = runner(**given)
    if f"{name}_embedding" not in outputs:
        raise ValueError(f"{name}: expected a model with the output {name}_embedding. Received: {', '.join(outputs)}")
    return index.search(outputs[f"{name}_embedding"], k)


def _checked_ids(ids: Sequence[str | int] | None, count: int) -> list[str | int]:
    if ids is None:
        return list(range(count))
    ids = [name.item() if isinstance(name, np.generic) else name for name in ids]
    if len(ids) != count or not all(isinstance(name, str | int) for name in ids):
        kinds = ", ".join(sorted({type(name).__name__ for name in ids}))
        raise ValueError(f"ids: expected {count} strings or whole numbers. Received: {len(ids)} of {kinds or 'none'}")
    if len(set(ids)) != count:
        seen: set = set()
        twice = next(name for name in ids if name in seen or seen.add(name))
        raise ValueError(f"ids: expected each once. Received: {twice!r:.80} twice")
    return ids


def _unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Return rows of length 1, float32, in a new array."""
    vectors = np.array(vectors, np.float32, order="C")
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    bad = ~np.isfinite(length[:, 0]) | (length[:, 0] < SHORTEST)
    if bad.any():
        raise ValueError(
            "embeddings: expected finite rows that are not zeros. "
            f"Received: {bad.sum()} others, the first row {bad.argmax()}"
        )
    far = np.abs(length[:, 0] - 1) > ROUNDED
    vectors[far] /= length[far]
    return vectors


def _graph(vectors: np.ndarray) -> Any:
    """Return faiss' graph of the neighbors of `vectors` `(N, D)`."""
    try:
        import faiss
    except ImportError:
        raise ValueError(MISSING) from None
    graph = faiss.IndexHNSWFlat(vectors.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = BUILD
    graph.add(vectors)
    return graph


def _bytes_of(graph: Any) -> np.ndarray:
    import faiss

    return faiss.serialize_index(graph)


def _read_graph(content: np.ndarray) -> Any:
    import faiss

    return faiss.deserialize_index(content)


def _stored(graph: Any) -> np.ndarray:
    """Return the vectors `(N, D)` that a graph holds, without a copy."""
    import faiss

    stored = faiss.downcast_index(graph.storage)
    return faiss.rev_swig_ptr(stored.get_xb(), graph.ntotal * graph.d).reshape(graph.ntotal, graph.d)
