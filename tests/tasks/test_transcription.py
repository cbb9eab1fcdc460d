"""The task transcription: error rates by hand, with a language model and without, and what is shown of them."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from ctc_paths import paths
from epochs import small_recipe
from task_examples import cells, look_up, two, usage

from mmzoo.artifacts.card import Baselines, Scores
from mmzoo.data.batches.speech import CHARACTERS, encode_sentences
from mmzoo.metrics.language_model import learn_language
from mmzoo.tasks.transcription import TASK, rates, transcripts

SAID = ["bin blue at f two now", "set red"]  # 8 words, 28 characters
ONE_WRONG = ["bin blue at s two now", "set red"]  # a word and a character
NONE_RIGHT = ["x", "y"]
TABLES = {
    "image+audio": paths(SAID + ONE_WRONG, 75),
    "image": paths(ONE_WRONG + ONE_WRONG, 75),
    "audio": paths(SAID + NONE_RIGHT, 75),
}
PREDICT = look_up(log_probabilities=TABLES)
RIGHT = {"wer": 0, "cer": 0, "exact": 1}
ONE = {"wer": 1 / 8, "cer": 1 / 28, "exact": 1 / 2}


@dataclass(frozen=True)
class Config:
    first: int = 0


def dataset(split, config, epoch=0):
    """Return the examples; those of a condition begin at `first`."""
    inputs = {name: x + config.first * (name != "present") for name, x in two(encode_sentences(SAID)).inputs.items()}
    return [(inputs, encode_sentences(SAID))]


RECIPE = small_recipe(
    export=lambda config: SimpleNamespace(conditions={"with noise": {"first": 2}}), dataset=dataset, name="speech"
)


def examples(**more):
    return two(encode_sentences(SAID), CHARACTERS, RECIPE, Config(), **more)


@pytest.fixture(scope="module")
def scores():
    return TASK.score(PREDICT, examples())


def test_each_condition_and_subset_has_its_rates(scores):
    assert scores.n == 2
    found = scores.details["transcripts"]
    assert list(found) == ["as it is", "with noise"]
    assert list(found["as it is"]) == ["image+audio", "image", "audio"]
    assert found["as it is"] == {"image+audio": RIGHT, "image": ONE, "audio": RIGHT}
    assert found["with noise"]["image+audio"] == found["with noise"]["image"] == ONE
    assert found["with noise"]["audio"]["wer"] == 1


def test_transcripts_and_their_error_rates():
    told = paths(ONE_WRONG, steps=75)
    assert transcripts(told, CHARACTERS) == ONE_WRONG
    predict = look_up(log_probabilities=told)
    found = rates(predict, examples())
    assert found == ONE
    told[0, 36:38, CHARACTERS.index("f") + 1] = -1  # the second choice for the letter
    language = learn_language(SAID * 9, CHARACTERS, weight=9.0)
    also = rates(predict, examples(language=language), language=True)
    assert also == found | {"wer_with_language_model": 0}
    assert rates(predict, examples(language=language)) == found


def test_quick_is_the_row_of_the_scores(scores):
    assert TASK.quick(PREDICT, examples()) == TASK.row(scores) == {"word_accuracy": 1, **RIGHT}
    assert TASK.quick(look_up(log_probabilities=TABLES["image"]), examples()) == {"word_accuracy": 7 / 8, **ONE}


def test_baselines_are_scored_under_each_condition():
    singles = {name: look_up(log_probabilities=TABLES[name]) for name in ("image", "audio")}
    found = TASK.compare(PREDICT, singles, examples())
    assert found.baselines == Baselines()
    assert found.stored == {}
    assert found.details["alone"]["as it is"] == {"image": ONE, "audio": RIGHT}
    assert found.details["alone"]["with noise"]["audio"]["wer"] == 1


def test_the_numbers_are_shown(scores):
    details = {**scores.details, "alone": {"as it is": {"image": {**ONE, "wer": 0.4321}}}}
    found = Scores(n=2, details=details)
    text = TASK.markdown(found, Baselines(), "")
    assert text.startswith("## Score on the test split, 2 sentences\n")
    assert "| condition | modalities | WER, % | CER, % | exact, % | unimodal baseline WER, % |" in text
    assert "| as it is | image | 12.50 | 3.57 | 50.00 | 43.21 |" in text
    assert cells(text, "with noise | image+audio")[2:] == ["12.50", "3.57", "50.00", ""]
    assert "language_model.json" not in text
    assert "| as it is" not in TASK.table(found)
    assert ["as", "it", "is", "image", "12.50", "3.57", "50.00", "43.21"] in [
        line.split() for line in TASK.table(found).splitlines()
    ]
    assert TASK.summary(found, Baselines()) == TASK.table(found).strip("\n").splitlines()
    (line,) = TASK.lines("model.onnx", None, ONE)
    assert line.split() == ["model.onnx", "wer", "0.1250", "cer", "0.0357", "exact", "0.5000"]
    assert TASK.headline(found) == "word error rate 0.00 %"
    assert "language" not in usage(TASK, found)
    with_model = usage(TASK, found, files=("language_model.json",))
    assert 'read_language_model("mine/language_model.json")' in with_model
    assert "scorer=language.scorer()" in with_model


def test_a_language_model_has_a_column_of_its_own(scores):
    details = {"transcripts": {"as it is": {"audio": {**ONE, "wer_with_language_model": 0.0625}}}}
    text = TASK.markdown(Scores(n=2, details=details), Baselines(), "")
    assert "| WER with language model, % |" in text
    assert cells(text, "as it is | audio")[2:] == ["12.50", "3.57", "50.00", "6.25"]
    assert "The language model, `language_model.json`, counts character 5-grams" in text


def test_without_scores_nothing_is_shown():
    assert TASK.markdown(Scores(), Baselines(), "") == TASK.headline(Scores()) == ""


def test_conditions_are_limited_as_the_examples_are():
    some = examples(limit=1).spaced()
    assert [len(one) for one in some.conditions().values()] == [1, 1]
    assert TASK.score(PREDICT, some).n == 1
    np.testing.assert_array_equal(some.inputs["image"], [[0]])
