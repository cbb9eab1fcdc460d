"""Audio-visual speech recognition: characters from audio and lip video (CTC).

Audio and lip features of the same 20 ms are added, a missing modality is replaced by a learned vector (modality
dropout, Neverova et al. 2016, section 3.3), and residual blocks convolve over time. Characters are learned by
connectionist temporal classification as in LipNet (Assael et al. 2016, section 3), at two steps a video frame, since 25
steps a second are too few for fast speech. Where word times are known, words are spliced into new sentences, short
ones first, with frame-level targets at first (`mmzoo.data.augment.words`). The host decodes the transcript, with or
without a language model of the training transcripts (same paper, section 4).
"""

from dataclasses import dataclass
from typing import Any

import keras

from mmzoo.data.batches.speech import CHARACTERS, CLEAN, MOST, STEPS, Sentences
from mmzoo.data.sources import grid, spoken_numbers
from mmzoo.errors import expect
from mmzoo.metrics.decode import spell
from mmzoo.metrics.language_model import LanguageModel, learn_language
from mmzoo.models import speech_recognizer as recognizer
from mmzoo.models.transfer import start_from
from mmzoo.recipe import Batches, CommonConfig, Export, Phase

MODALITIES = ("audio", "video")
SOURCES = {"sample": spoken_numbers, "grid": grid}
LANGUAGE_WEIGHT, LANGUAGE_BONUS = 1.0, 3.0  # chosen on validation
NOISY = -5.0  # dB, of a further test


@dataclass(frozen=True, kw_only=True)
class Config(CommonConfig, sources=SOURCES, modalities=MODALITIES):
    source: str = "sample"
    """Data source: sample (embedded, offline) or grid (speaker 1 of GRID)."""
    modalities: tuple[str, ...] = MODALITIES
    """Input modalities: audio, video (the lips), or both."""
    epochs: int = 9
    batch_size: int = 8
    snr_db: float = CLEAN
    """Signal-to-noise ratio of pink noise in validation and test, in dB; 100 or more disables the noise."""
    layers: int = 3
    """Residual blocks over time after the fusion."""
    dropout: float = 0.3
    """Dropout rate of the features before the character classifier."""
    modality_dropout: float = 0.4
    """Probability that one modality of a training example is missing."""
    joined: float = 0.3
    """Fraction of training sentences spliced of other words, in the first third all; 0 disables splicing."""

    def __post_init__(self):
        super().__post_init__()
        expect("layers", self.layers >= 0, "0 or more", self.layers)


TINY = Config(epochs=2, embed_dim=16, layers=1, batch_size=32)


def dataset(split: str, config: Config = Config(), epoch: int = 0) -> Batches:
    """Return batches of `audio`, `video`, `present`; characters.

    Shapes are `(B, S)` at 16 kHz (sample: 8 kHz), `(B, T*H, W, 1)` uint8, a strip of the frames at 25 Hz, and `(B, 2)`.
    Labels are `(B, 32)`, padded with 0; of training `(B, 64 + 2T)`, see `training_sentences`.
    """
    from mmzoo.data.batches.speech import Augmentation, evaluation_sentences, training_sentences

    data, seen = _load(split, config), config.modalities
    if split != "train":
        return evaluation_sentences(data, seen, config.seed, config.snr_db)
    augmentation = Augmentation(config.modality_dropout, config.joined, config.epochs)
    return training_sentences(data, seen, config.batch_size, config.seed, epoch, augmentation)


def _load(split: str, config: Config) -> Sentences:
    if config.source == "sample":
        return spoken_numbers.sample(split, config.seed)
    return grid.grid(split, config.data_dir, config.seed)


def build(config: Config = Config()) -> keras.Model:
    """Return the model to log-probabilities `(B, 2 * T, 28)`, blank first."""
    source, dim = SOURCES[config.source], config.embed_dim
    makers = {
        "audio": lambda: recognizer.audio_encoder(source.SAMPLES, source.SAMPLE_RATE, STEPS * source.FRAMES, dim),
        "video": lambda: recognizer.video_encoder((source.FRAMES, source.HEIGHT, source.WIDTH), STEPS, dim),
    }
    encoders = {name: makers[name]() for name in config.modalities}
    model = recognizer.speech_recognizer(encoders, len(CHARACTERS), config.layers, config.dropout)
    return start_from(config.init_from, model, (*MODALITIES, "context"))


def objective(config: Config = Config()) -> dict[str, Any]:
    """Return CTC with frame-level targets, and the accuracy of whole sentences."""
    return {"loss": recognizer.guided_ctc(MOST), "metrics": [recognizer.sentence_accuracy(MOST)]}


def language(config: Config = Config()) -> LanguageModel:
    """Return the language model of the training transcripts, of 5-grams of characters."""
    texts = [spell(row, CHARACTERS) for row in _load("train", config).labels]
    return learn_language(texts, CHARACTERS, LANGUAGE_WEIGHT, LANGUAGE_BONUS)


def plan(config: Config = Config()) -> tuple[Phase, ...]:
    """Return one phase of all weights."""
    return (Phase("train", config.epochs, config.learning_rate, clip_norm=5.0),)


def export(config: Config = Config()) -> Export:
    """Export the log-probabilities of blank and characters in each step."""
    return Export(
        task="transcription",
        labels=tuple(CHARACTERS),
        outputs={"log_probabilities": "log_probabilities"},
        units={
            "audio": f"waveform at {SOURCES[config.source].SAMPLE_RATE} Hz, -1 to 1",
            "video": "lips, gray, 25 frames a second from top to bottom, 0 to 255",
            "present": "1 there, 0 missing; order audio, video",
        },
        data=SOURCES[config.source].CARD,
        ranges={"audio": (-1.0, 1.0), "video": (0, 255), "present": (0.0, 1.0)},
        precisions=("float32", "dynamic"),
        conditions={f"with pink noise at {NOISY:g} dB": {"snr_db": NOISY}},
    )
