"""What an index costs: measured of each kind, and written as a table of nothing else."""

import json

import pytest

from mmzoo.studies.index_cost import cost, drawn_embeddings, report

pytest.importorskip("faiss")


def test_a_folder_gets_the_costs_and_their_table(tmp_path, run_main, capsys):
    out = tmp_path / "index_cost"
    assert run_main("study", "index-cost", "--size", 2000, "--width", 16, "--queries", 20, "--out", out) == 0
    result, text = json.loads((out / "costs.json").read_text()), (out / "README.md").read_text()
    assert text == report(result)
    assert text in capsys.readouterr().out
    exact, hnsw = result["costs"]
    assert (exact["kind"], hnsw["kind"]) == ("exact", "hnsw")
    assert exact["recall@10_of_exact"] == 1.0
    assert 0.9 <= hnsw["recall@10_of_exact"] <= 1.0
    assert exact["file_bytes"] >= 2000 * 16 * 4
    assert "mmzoo study index-cost --size 2000 --width 16 --queries 20 --seed 0" in result["command"]
    assert "| exact |" in text
    assert "100.00 %" in text


def test_queries_are_no_things_of_the_index():
    found = drawn_embeddings(120, 8, seed=0)
    assert found.shape == (120, 8)
    assert len({row.tobytes() for row in found}) == 120
    one = cost("exact", 100, width=8, queries=5, k=3)
    assert (one["size"], one["recall@3_of_exact"]) == (100, 1.0)
