"""Table encoders: one per modality, at the given width, for any input size."""

import numpy as np
import pytest

from mmzoo.models.table_encoders import table_encoders

SHAPES = {"image_front": (32, 32, 3), "image_back": (128, 128, 3), "audio": (8000,), "text": (32,), "tabular": (5,)}


def test_table_encoders_select_encoder_by_kind():
    figures = (np.arange(5.0), np.ones(5))
    encoders = table_encoders(SHAPES, 8000, 24, figures=figures)
    assert [encoder.name for encoder in encoders.values()] == [f"{name}_encoder" for name in SHAPES]
    for name, encoder in encoders.items():
        assert encoder.output.shape == (None, 24)
        assert encoder.input.shape[1:] == SHAPES[name]
    rows = encoders["tabular"].get_layer("front_end")(np.arange(5, dtype="float32")[None])
    np.testing.assert_allclose(np.asarray(rows), 0, atol=1e-6)


@pytest.mark.parametrize("side", [32, 48, 64, 96, 128])
def test_image_encoder_last_stage_has_few_cells(side):
    encoder = table_encoders({"image": (side, side, 3)}, 8000, 8)["image"]
    cells = encoder.get_layer("pool").input.shape[1]
    assert 2 <= cells <= 6
    assert encoder.count_params() < 400_000


def test_width_scales_inner_channels():
    small, usual = (table_encoders(SHAPES, 8000, 16, width=width) for width in (0.5, 1.0))
    for name in ("image_front", "audio", "text"):
        assert small[name].count_params() < 0.6 * usual[name].count_params()


def test_table_encoders_unknown_kind_raises():
    with pytest.raises(ValueError, match="table_encoders expects image, audio, video, series, text, tabular"):
        table_encoders({"smell": (8, 32, 32, 3)}, 8000, 16)
