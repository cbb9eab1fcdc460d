"""Pretraining on drawn scenes: what it learned is where a model of NLVR starts."""

import dataclasses

import numpy as np

from mmzoo.models.transfer import read_model
from mmzoo.recipes import visual_question_answering
from mmzoo.studies import pretrain_nlvr

FEW = pretrain_nlvr.Settings(embed_dim=16, looks=1, readings=1, batch_size=32)
NLVR = visual_question_answering.Config(source="nlvr", embed_dim=16)


def test_what_was_learned_is_where_nlvr_starts(few_drawn, tmp_path):
    path = pretrain_nlvr.pretrain(tmp_path / "boxes.keras", FEW)
    theirs = read_model(path)
    ours = visual_question_answering.build(dataclasses.replace(NLVR, init_from=str(path)))
    for name in ("image_encoder", "text_encoder", "reasoner"):
        for a, b in zip(ours.get_layer(name).get_weights(), theirs.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    again = pretrain_nlvr.pretrain(path, FEW)  # all is done already
    for a, b in zip(theirs.weights, read_model(again).weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_boxes_are_boxes_right_where_every_sum_is():
    held = np.zeros((1, 2, 6, 4), np.float32)
    held[0, 0, 1, 2] = held[0, 1, 0, 2] = held[0, 1, 5, 3] = 1
    told = np.where(held > 0, 9.0, -9.0).astype(np.float32)
    told[0, 0, 2, 0] = 0.1  # of the second box somewhat more than half a thing is told that is not there
    np.testing.assert_array_equal(pretrain_nlvr.boxes_right(held, told), [[1.0, 0.0, 1.0]])
    shares = 1 / (1 + np.exp(-told.astype(float)))
    losses = -(held * np.log(shares) + (1 - held) * np.log(1 - shares)).sum(axis=-1)
    np.testing.assert_allclose(pretrain_nlvr.by_place(held, told), losses, rtol=1e-4)
