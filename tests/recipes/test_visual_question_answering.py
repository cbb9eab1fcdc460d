"""The recipe `visual_question_answering`: what its flags can be, what question and picture are worth, how it looks."""

import dataclasses

import keras
import numpy as np
import pytest
from on_device import randomize

from mmzoo.errors import BadInputError
from mmzoo.models.transfer import load_encoders
from mmzoo.recipes import visual_question_answering

TINY = visual_question_answering.TINY
DEFAULT = visual_question_answering.Config()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"modalities": ("text", "image")}, "`modalities` must be any of image, text in this order"),
        ({"modalities": ()}, "`modalities` must be"),
        ({"source": "vqa"}, "`source` must be one of sample, easy_vqa, nlvr, vqa_rad, got vqa"),
        ({"fusion": "guess"}, "`fusion` must be one of attention"),
        ({"modality_dropout": 2}, "`modality_dropout` must be a number from 0 to 1"),
        ({"embed_dim": 0}, "`embed_dim` must be a number above 0"),
        ({"text_units": 0}, "`text_units` must be a number above 0"),
        ({"dropout": 1.0}, "`dropout` must be a number from 0 to below 1"),
        ({"dropout": -0.1}, "`dropout` must be a number from 0 to below 1"),
        ({"seed": -1}, "`seed` must be"),
    ],
    ids=str,
)
def test_flags_that_cannot_be(flags, said):
    with pytest.raises(BadInputError, match=said):
        visual_question_answering.Config(**flags)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    config = dataclasses.replace(TINY, source="easy_vqa", data_dir=str(tmp_path / "none"))
    with pytest.raises(BadInputError, match="`data_dir`: no such folder"):
        visual_question_answering.dataset("test", config)


def test_easy_vqa_is_answered_by_few_parameters():
    model = visual_question_answering.build(dataclasses.replace(DEFAULT, source="easy_vqa"))
    assert model.count_params() < 300_000
    assert model.input["image"].shape == (None, 64, 64, 3)
    assert model.output.shape == (None, 13)


def test_what_is_left_out_and_how_much_is_looked_for_is_said():
    model = visual_question_answering.build(dataclasses.replace(TINY, text_units=12, dropout=0.4))
    text = model.get_layer("text_encoder")
    assert text.get_layer("window7").filters == 12
    assert [layer.rate for layer in (text.get_layer("dropout"), model.get_layer("dropout"))] == [0.4, 0.4]
    assert "dropout" not in [layer.name for layer in visual_question_answering.build(TINY).layers]


def test_each_alone_learns_an_answer_of_its_own():
    config = dataclasses.replace(TINY, alone=True, dropout=0.2)
    model = visual_question_answering.build(config)
    inputs, labels = next(iter(visual_question_answering.dataset("validation", config)))
    count = model.output.shape[1]
    assert model(inputs, training=True).shape[1] == 3 * count, "both, the picture, the question"
    told = visual_question_answering.export(config).outputs["probabilities"]
    answers = [layer.output for layer in (model.get_layer(told), model.get_layer("text_told"))]
    inputs = {name: np.asarray(x) for name, x in inputs.items()}
    only = {**inputs, "present": np.tile(np.float32([0, 1]), (len(labels), 1))}
    exported, of_text = (np.asarray(x) for x in keras.Model(model.input, answers)(only))
    np.testing.assert_allclose(exported, of_text, atol=1e-6)
    np.testing.assert_allclose(np.asarray(model(only)), of_text, atol=1e-6)
    objective = visual_question_answering.objective(config)
    assert np.isfinite(objective["loss"](labels, model(inputs, training=True))).all()
    single = dataclasses.replace(config, modalities=("image",))
    assert visual_question_answering.export(single).outputs["probabilities"] == "probabilities"
    assert visual_question_answering.build(single).output.shape == (None, count)


def test_validation_questions_join_the_training_ones():
    """Each of them is asked of its own picture."""
    from mmzoo.data.batches.questions import join

    train, more = (visual_question_answering._load(split, TINY) for split in ("train", "validation"))
    both = join(train, more)
    np.testing.assert_array_equal(both.images[both.about[-1]], more.images[more.about[-1]])
    np.testing.assert_array_equal(both.text, np.concatenate([train.text, more.text]))
    np.testing.assert_array_equal(both.labels[-len(more.labels) :], more.labels)
    joined = dataclasses.replace(TINY, join_validation=True)
    steps = [len(visual_question_answering.dataset("train", config)) for config in (TINY, joined)]
    assert steps[1] > steps[0]
    assert len(visual_question_answering.dataset("validation", joined)) == len(
        visual_question_answering.dataset("validation", TINY)
    )


def test_the_encoder_of_places_is_that_of_the_picture_alone(tmp_path):
    """A picture encoder trained alone serves where questions look at its places, and back."""
    both = visual_question_answering.build(TINY)
    randomize(both)
    both.save(tmp_path / "m.keras")
    alone = visual_question_answering.build(dataclasses.replace(TINY, modalities=("image",)))
    assert load_encoders(alone, tmp_path / "m.keras", ["image_encoder"]) == ["image_encoder"]
    config = dataclasses.replace(TINY, init_from=str(tmp_path / "m.keras"))
    again = visual_question_answering.build(config)
    for name in ("image_encoder", "text_encoder"):
        for ours, theirs in zip(again.get_layer(name).get_weights(), both.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


NLVR = visual_question_answering.Config(source="nlvr", embed_dim=16)


@pytest.fixture(scope="module")
def of_boxes():
    """Return a model of boxes whose output is the joint embedding: drawn weights leave the probabilities at 0 and 1."""
    model = visual_question_answering.build(NLVR)
    randomize(model)
    return keras.Model(model.input, model.get_layer("embedding").output)


def sentences(count=4):
    """Return pictures of three boxes, of which the last has a blue block more than the first, and ids of bytes."""
    rng = np.random.default_rng(0)
    images = np.full((count, 50, 200, 3), 211, np.uint8)
    images[:, :, 50:75] = images[:, :, 125:150] = 128
    images[:, 40:, 20:30] = (255, 255, 0)
    images[:, 20:30, 170:180] = (0, 153, 255)
    text = rng.integers(3, 259, (count, 128)).astype("int32")
    return {"image": images, "text": text, "present": np.ones((count, 2), "float32")}


def test_of_boxes_the_order_says_nothing(of_boxes):
    given = sentences()
    image = given["image"]
    moved = np.concatenate(
        [image[:, :, 150:], image[:, :, 50:75], image[:, :, :50], image[:, :, 125:150], image[:, :, 75:125]], 2
    )
    np.testing.assert_allclose(of_boxes({**given, "image": moved}), of_boxes(given), rtol=1e-3, atol=1e-3)


def test_of_boxes_picture_and_sentence_matter_and_either_can_miss(of_boxes):
    given = sentences()
    before = np.asarray(of_boxes(given))
    other = {"image": given["image"][:, ::-1], "text": given["text"][::-1]}
    for name, changed in other.items():
        assert np.abs(np.asarray(of_boxes({**given, name: changed})) - before).max() > 1e-2
    for i, name in enumerate(other):
        present = given["present"] * (np.arange(2) != i)
        without = np.asarray(of_boxes({**given, "present": present}))
        assert np.isfinite(without).all()
        np.testing.assert_allclose(of_boxes({**given, "present": present, name: other[name]}), without, rtol=1e-4)


def test_what_was_learned_of_boxes_stays():
    frozen = {}
    for modalities in (("image", "text"), ("image",), ("text",)):
        config = dataclasses.replace(NLVR, modalities=modalities, init_from="boxes.keras")
        frozen[modalities] = visual_question_answering.plan(config)[0].frozen
    assert frozen == {("image", "text"): ("image_encoder",), ("image",): ("image_encoder",), ("text",): ()}
    assert visual_question_answering.plan(NLVR)[0].frozen == ()
