"""What a user is told of `--init-from`."""

import dataclasses

import pytest

from mmzoo.commands.train import train
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.recipes import spoken_digits
from mmzoo.training.options import tell_encoders

TINY = spoken_digits.TINY
WHOLE = Experiment(spoken_digits, TINY)


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """Return the file of a model that has an encoder of speech alone."""
    path = tmp_path_factory.mktemp("speech") / "model.keras"
    spoken_digits.build(dataclasses.replace(TINY, modalities=("audio",))).save(path)
    return str(path)


def test_what_is_taken_and_what_starts_afresh_is_told(speech, caplog):
    caplog.set_level("INFO", "mmzoo")
    tell_encoders(WHOLE)
    assert not caplog.messages
    tell_encoders(WHOLE.changed(init_from=speech))
    tell_encoders(WHOLE.changed(init_from=speech, modalities=("audio",)))
    assert caplog.messages == [f"from {speech}: audio_encoder; afresh: image_encoder", f"from {speech}: audio_encoder"]


def test_a_file_of_no_use_is_refused_before_training(speech, tmp_path):
    said = "model.keras has no encoder of this model, image_encoder; it has audio_encoder"
    with pytest.raises(BadInputError, match=said):
        train("spoken_digits", dataclasses.replace(TINY, init_from=speech, modalities=("image",)), out=tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_precision_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(BadInputError, match="`precision` must be one of"):
        train("spoken_digits", TINY, out=tmp_path / "out", precision="float8")
    assert not list(tmp_path.iterdir())
