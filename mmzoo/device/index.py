"""Nearest-neighbor index of embeddings, searched by cosine similarity."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

KINDS = ("exact", "hnsw")
LINKS = 16  # neighbors per node in the graph of `hnsw`
BUILD, EFFORT = 80, 64  # candidates considered when a node is inserted, and in a search
MISSING = "faiss is not installed, which an hnsw index needs: pip install faiss-cpu"
BLOCK = 65_536  # embeddings per matrix product
SHORTEST = 1e-6  # smallest norm of a usable embedding
ROUNDED = 1e-6  # a norm this close to 1 is not normalized again, so that a saved index loads unchanged


class Index:
    """Search embeddings `(N, D)` with ids by cosine similarity.

    `exact` compares the query with every embedding, with NumPy only. `hnsw` is an approximate search in a
    hierarchical navigable small-world graph (Malkov and Yashunin 2020) with faiss, which may miss neighbors. It is
    meant for hundreds of thousands of embeddings and more. A zero embedding has no neighbors and is refused.

    Args:
        embeddings: `(N, D)` numbers of any non-zero norm; they are stored as float32 of norm 1.
        ids: N distinct strings or whole numbers; by default 0 to N - 1.
        kind: exact or hnsw.

    Attributes:
        ids: the ids in their order.
        kind: exact or hnsw.

    Raises:
        ValueError: an argument is invalid, or `hnsw` is asked for and faiss is not installed.
    """

    def __init__(self, embeddings: np.ndarray, ids: Sequence[str | int] | None = None, kind: str = "exact") -> None:
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
            self._vectors = _stored(self._graph)  # shares the memory of the graph

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def width(self) -> int:
        """Return the number of dimensions D of an embedding."""
        return self._vectors.shape[1]

    def search(self, vector: np.ndarray, k: int = 10) -> list[tuple[str | int, float]]:
        """Return the `k` nearest neighbors of `vector` `(D,)`.

        Returns:
            up to `k` pairs of an id and its cosine similarity in [-1, 1], most similar first.

        Raises:
            ValueError: `k` is below 1, or `vector` has another width, is not finite, or has norm 0, as the embedding
                of a missing modality has.
        """
        query, k = np.asarray(vector), self._count(k)
        if query.shape != (self.width,) or query.dtype.kind not in "fiu":
            raise ValueError(f"vector: expected {self.width} numbers. Received: {query.dtype} {query.shape}")
        query = query.astype(np.float32)
        length = np.linalg.norm(query)
        if not np.isfinite(length) or length < SHORTEST:
            problem = "only zeros" if length < SHORTEST else "numbers that are not finite"
            raise ValueError(f"vector: expected a finite embedding of non-zero norm. Received: {problem}")
        return self._nearest(query / length, k)

    def more_like(self, name: str | int, k: int = 10) -> list[tuple[str | int, float]]:
        """Return the `k` nearest neighbors of the entry `name`, without the entry.

        Returns:
            up to `k` pairs as from `search`.

        Raises:
            ValueError: `k` is below 1, or the id is unknown.
        """
        k = self._count(k)
        if name not in self._row:
            raise ValueError(f"id: expected one of the {len(self)} in the index. Received: {name!r:.80}")
        found = self._nearest(self._vectors[self._row[name]], k + 1)
        return [pair for pair in found if pair[0] != name][:k]

    def save(self, path: str | os.PathLike) -> None:
        """Write the index to the file `path` atomically, through a temporary file."""
        path = Path(path)
        temporary = path.with_name(f".{os.urandom(8).hex()}.tmp")  # a name that nobody can plant a link at
        about = json.dumps({"kind": self.kind, "ids": self.ids if self.ids != list(range(len(self))) else None})
        whole = {"vectors": self._vectors} if self._graph is None else {"graph": _bytes_of(self._graph)}
        arrays = {"about": np.frombuffer(about.encode(), np.uint8), **whole}
        try:
            with temporary.open("xb") as file:
                np.savez(file, **arrays)
            os.replace(temporary, path)
        except OSError as error:
            raise ValueError(f"{path}: expected a place that can be written. Received: {error.strerror}") from None
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Index":
        """Load an index saved by `save` from `path`.

        Raises:
            ValueError: the file is missing or no index, or it is an `hnsw` index and faiss is not installed.
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
        except Exception as error:  # of zip, NumPy, JSON and faiss, of many kinds in a damaged file
            reason = " ".join(str(error).split())[:200] or type(error).__name__
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
    """Search `index` with one text or image: `text="a red bus"` or `image="bus.png"`.

    `runner` is a `Runner` whose model has an output `text_embedding` for the input `text`, and so on. The index holds
    embeddings of the same model.

    Returns:
        up to `k` pairs of an id and its cosine similarity, most similar first.

    Raises:
        ValueError: there is not exactly one query, or `Runner` or `Index.search` raises.
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
        repeated = next(name for name in ids if name in seen or seen.add(name))
        raise ValueError(f"ids: expected distinct ids. Received: {repeated!r:.80} twice")
    return ids


def _unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Return the rows scaled to norm 1 as a new float32 array."""
    vectors = np.array(vectors, np.float32, order="C")
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    bad = ~np.isfinite(length[:, 0]) | (length[:, 0] < SHORTEST)
    if bad.any():
        raise ValueError(
            "embeddings: expected finite rows of non-zero norm. "
            f"Received: {bad.sum()} invalid, the first in row {bad.argmax()}"
        )
    far = np.abs(length[:, 0] - 1) > ROUNDED
    vectors[far] /= length[far]
    return vectors


def _graph(vectors: np.ndarray) -> Any:
    """Return the HNSW graph of `vectors` `(N, D)`, built by faiss."""
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
    """Return the vectors `(N, D)` of a graph, without a copy."""
    import faiss

    stored = faiss.downcast_index(graph.storage)
    return faiss.rev_swig_ptr(stored.get_xb(), graph.ntotal * graph.d).reshape(graph.ntotal, graph.d)
