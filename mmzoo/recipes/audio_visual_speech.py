"""What is said, letter by letter, from the sound and the speaker's lips.

What the lips and the sound tell of the same 20 ms is added, a missing one replaced by a learned vector (modality
dropout, Neverova et al. 2016, section 3.3), and read by convolutions over time; characters without their places in time
are learned by connectionist temporal classification, as in LipNet (Assael et al. 2016, section 3). The 25 pictures of a
second are too few steps for it where someone speaks 20 letters in it. Where the source knows when each word was said,
words are joined anew, few at first, and as long as these are few it is told what is said in each step
(`mmzoo.data.augment.words`). The transcript is made on the host, from the log-probabilities of the characters in each
step, with or without a language model of the training transcripts (same paper, section 4).
"""

import dataclasses
import math
from dataclasses import dataclass

import keras
from keras import layers, ops

from mmzoo.blocks.conv import conv_norm
from mmzoo.blocks.log_mel import LogMel
from mmzoo.blocks.presence import replace_absent, split_present
from mmzoo.blocks.temporal import each_frame, strip_input
from mmzoo.data.batches.speech import CHARACTERS, CLEAN, MOST, STEPS
from mmzoo.data.sources import grid, spoken_numbers
from mmzoo.errors import expect
from mmzoo.heads.ctc import ctc
from mmzoo.losses.ctc import ctc as ctc_loss
from mmzoo.metrics.decode import spell
from mmzoo.metrics.language_model import learn_language
from mmzoo.models.transfer import load_encoders
from mmzoo.recipe import Export, Phase, check_shared

MODALITIES = ("audio", "video")
SOURCES = {"sample": spoken_numbers, "grid": grid}
NUM_MELS = 40
LANGUAGE_WEIGHT, LANGUAGE_BONUS = 1.0, 3.0  # beside what is heard and seen
NOISY = -5.0  # dB, at which the test split is scored too


@dataclass(frozen=True)
class Config:
    source: str = "sample"
    """sample (embedded, offline) or grid (speaker 1 of GRID)."""
    data_dir: str = ""
    """Where the files lie; else MMZOO_DATA_DIR."""
    modalities: tuple[str, ...] = MODALITIES
    """What the model takes: audio, video (the lips), or both."""
    snr_db: float = CLEAN
    """Decibels of speech over pink noise in validation and test; from 100 on there is no noise."""
    embed_dim: int = 64
    """Width of what is known of a frame."""
    layers: int = 3
    """Residual blocks over time behind the fusion."""
    dropout: float = 0.3
    """Share of what is known of a frame that is hidden in training before it is spelled."""
    modality_dropout: float = 0.4
    """Probability that one modality of a training example is missing."""
    joined: float = 0.3
    """Share of training sentences whose words are joined anew, in the first third all; 0: as they were said."""
    epochs: int = 9
    """Times through the training sentences."""
    batch_size: int = 8
    """Sentences in a step."""
    learning_rate: float = 3e-3
    """The highest of the schedule, for AdamW."""
    init_from: str = ""
    """A .keras file whose encoders we start from."""
    seed: int = 0
    """Of weights, order, augmentation, noise; of the sample also the sentences."""

    def __post_init__(self):
        check_shared(dataclasses.asdict(self), SOURCES, MODALITIES)
        expect("joined", 0 <= self.joined <= 1, "a number from 0 to 1", self.joined)
        expect("snr_db", math.isfinite(self.snr_db), "decibels", self.snr_db)
        expect("layers", self.layers >= 0, "0 or more", self.layers)
        expect("dropout", 0 <= self.dropout < 1, "a number from 0 to below 1", self.dropout)


TINY = Config(epochs=2, embed_dim=16, layers=1, batch_size=32)


def dataset(split, config=Config(), first_epoch=0):
    """Batches of `audio` `(B, S)`, `video` `(B, T*H, W, 1)`, `present` `(B, 2)`; labels `(B, 32)`, 0 behind the last.

    Of training `(B, 64 + 2T)`, see `mmzoo.data.batches.speech.training_sentences`.
    Lips are 25 frames a second, as a strip; sound is 16 kHz, of the sample 8 kHz.
    """
    from mmzoo.data.batches.speech import Spoiling, evaluation_sentences, training_sentences

    data, seen = _load(split, config), config.modalities
    if split != "train":
        return evaluation_sentences(data, seen, config.seed, config.snr_db)
    epochs, spoiling = range(first_epoch, config.epochs), Spoiling(config.modality_dropout, config.joined)
    return training_sentences(data, seen, config.batch_size, config.seed, epochs, spoiling)


def _load(split, config):
    if config.source == "sample":
        return spoken_numbers.sample(split, config.seed)
    return grid.grid(split, config.data_dir, config.seed)


def build(config=Config()):
    """`{"audio", "video", "present"}` of T pictures to log-probabilities `(B, 2 * T, 28)` of blank and characters."""
    source, dim = SOURCES[config.source], config.embed_dim
    makers = {"audio": _audio_encoder, "video": _video_encoder}
    encoders = {name: makers[name](source, dim) for name in config.modalities}
    inputs = {name: keras.Input(e.input.shape[1:], dtype=e.input.dtype, name=name) for name, e in encoders.items()}
    frames = {name: encoder(inputs[name]) for name, encoder in encoders.items()}
    if len(frames) > 1:
        inputs["present"] = keras.Input((len(frames),), name="present")
        there = split_present(inputs["present"], frames)
        frames = {name: replace_absent(x, there[name], name) for name, x in frames.items()}
        x = layers.Add(name="joint")([*frames.values()])
    else:
        (x,) = frames.values()
    x = _context_encoder(x.shape[1:], config.layers)(x)
    x = layers.Dropout(config.dropout, name="dropout")(layers.Reshape((STEPS * source.FRAMES, dim), name="in_time")(x))
    model = keras.Model(inputs, ctc(x, len(CHARACTERS)), name="audio_visual_speech")
    if config.init_from:
        load_encoders(model, config.init_from, [f"{name}_encoder" for name in (*MODALITIES, "context")])
    return model


def _audio_encoder(source, embed_dim):
    """Return a `keras.Model`: waveforms `(B, S)` to `(B, 2 * T, 1, embed_dim)`, half the frames of its log-mel."""
    audio = keras.Input((source.SAMPLES,), name="audio")
    x = LogMel(source.SAMPLE_RATE, source.SAMPLE_RATE // 40, source.SAMPLE_RATE // 100, NUM_MELS, name="front_end")(
        audio
    )
    x = layers.Reshape((x.shape[1], 1, NUM_MELS), name="time_by_mel")(x)
    x = layers.BatchNormalization(momentum=0.9, name="mel_norm")(x)
    x = conv_norm(x, embed_dim, (5, 1), name="stage0")
    x = conv_norm(x, embed_dim, (5, 1), (2, 1), name="stage1")
    missing = STEPS * source.FRAMES - x.shape[1]  # the last frame of a log-mel ends where the sound does
    x = layers.ZeroPadding2D(((0, missing), (0, 0)), name="to_the_end")(x)
    return keras.Model(audio, conv_norm(x, embed_dim, (3, 1), activation=None, name="embedding"), name="audio_encoder")


def _video_encoder(source, embed_dim):
    """Return a `keras.Model`: strips of lips `(B, T*H, W, 1)` uint8 to `(B, 2 * T, 1, embed_dim)`.

    Every frame is seen by itself, with the place of what is seen; then each with its two neighbors on either side,
    which tell its two steps apart. At the start it says little (Goyal et al. 2017, section 5.1), so that a model that
    begins with what one of sound alone has learned hears as that does; nothing would stay nothing behind a ReLU.
    """
    lips = _lips_encoder((source.HEIGHT, source.WIDTH, 1), embed_dim)
    video = strip_input(source.FRAMES, lips)
    x = each_frame(video, source.FRAMES, lips)
    x = ops.reshape(x, (-1, source.FRAMES, 1, embed_dim))
    x = conv_norm(x, STEPS * embed_dim, (5, 1), name="steps")
    x = ops.reshape(x, (-1, STEPS * source.FRAMES, 1, embed_dim))
    x = layers.Conv2D(embed_dim, (5, 1), padding="same", use_bias=False, name="embedding")(x)
    little = keras.initializers.Constant(0.1)
    x = layers.BatchNormalization(momentum=0.9, gamma_initializer=little, name="embedding_norm")(x)
    return keras.Model(video, x, name="video_encoder")


def _lips_encoder(shape, embed_dim):
    image = keras.Input(shape, dtype="uint8", name="image")
    x = layers.Rescaling(1 / 127.5, -1.0, name="front_end")(image)
    x = conv_norm(x, max(4, embed_dim // 4), 5, 4, name="patches")
    x = conv_norm(x, max(4, embed_dim // 2), strides=2, name="parts")
    x = layers.Dense(embed_dim, name="places")(layers.Flatten(name="flat")(x))
    return keras.Model(image, x, name="lips_encoder")


def _context_encoder(shape, blocks):
    """Return a `keras.Model`: steps `(B, 2 * T, 1, D)` to steps that know of those around them, by residual blocks."""
    steps = keras.Input(shape, name="steps")
    x = layers.ReLU(name="told")(steps)
    for i in range(blocks):
        y = conv_norm(x, shape[-1], (5, 1), name=f"time{i}")
        y = conv_norm(y, shape[-1], (5, 1), activation=None, name=f"time{i}_more")
        x = layers.ReLU(name=f"time{i}_out")(layers.Add(name=f"time{i}_add")([x, y]))
    return keras.Model(steps, x, name="context_encoder")


def sentence_accuracy(y_true, y_pred):
    """Share of sentences without an error on the likeliest path: `(B,)` of labels `(B, L)` and `(B, T, N)`."""
    y_true = y_true[:, :MOST]
    steps, length = y_pred.shape[1], y_true.shape[1]
    path = ops.argmax(y_pred, axis=-1)
    before = ops.pad(path[:, :-1], ((0, 0), (1, 0)))
    first = ops.cast(ops.logical_and(path > 0, ops.not_equal(path, before)), "int32")
    place = ops.where(first > 0, ops.cumsum(first, axis=1) - 1, steps)
    # one-hot rows put each letter in its place; those behind the last place of a label count as too many
    spelled = ops.einsum("btl,bt->bl", ops.one_hot(place, steps), ops.cast(path, "float32"))
    wanted = ops.pad(ops.cast(y_true, "float32"), ((0, 0), (0, steps - length)))
    return ops.cast(ops.all(ops.equal(spelled, wanted), axis=1), "float32")


def guided_ctc(y_true, y_pred):
    """Connectionist temporal classification, and cross-entropy of the steps of which it is told what is said in them.

    `(B,)` of labels `(B, 64)`, behind them what is said in each of the T steps `(B, T)`, 0 where nothing is told, and
    of log-probabilities `(B, T, N)`. Without a guide lips alone stay with the blank.
    """
    labels, told = y_true[:, :MOST], y_true[:, MOST:]
    loss = ctc_loss(labels, y_pred)
    if told.shape[1]:
        loss -= ops.sum(ops.one_hot(told, 1 + y_pred.shape[2])[..., 1:] * y_pred, axis=(1, 2))
    return loss


def objective(config=Config()):
    """CTC with a guide where there is one; the share of sentences that are read without an error."""
    return {"loss": guided_ctc, "metrics": [sentence_accuracy]}


def language(config=Config()):
    """What is said in the training split, as 5-grams of its characters; weight and bonus were chosen on validation."""
    said = [spell(row, CHARACTERS) for row in _load("train", config).labels]
    return learn_language(said, CHARACTERS, LANGUAGE_WEIGHT, LANGUAGE_BONUS)


def plan(config=Config()):
    """One phase: everything is trained together."""
    return (Phase("train", config.epochs, config.learning_rate, clip_norm=5.0),)


CARDS = {
    "sample": {
        "name": "three digits spoken by espeak-ng, with drawn lips",
        "version": "2",
        "license": "Apache-2.0",
        "weights_license": "Apache-2.0",
    },
    "grid": {
        "name": "GRID, speaker s1, 600 of its clips",
        "version": "96c9ef9 of SAGAR0097/LIP-READING-USING-DEEP-LEARNING-",
        "license": "research use",
        "weights_license": "research use",
        "published": "word error rate 4.8 % by LipNet from lips alone, all speakers of GRID (Assael et al. 2016)",
    },
}


def export(config=Config()):
    """The log-probabilities of blank and characters in each frame, as float32 and dynamic int8."""
    return Export(
        task="transcription",
        labels=tuple(CHARACTERS),
        outputs={"log_probabilities": "log_probabilities"},
        units={
            "audio": f"waveform at {SOURCES[config.source].SAMPLE_RATE} Hz, -1 to 1",
            "video": "lips, gray, 25 frames a second from top to bottom, 0 to 255",
            "present": "1 there, 0 missing; order audio, video",
        },
        data=CARDS[config.source],
        ranges={"audio": (-1.0, 1.0), "video": (0, 255), "present": (0.0, 1.0)},
        precisions=("float32", "dynamic"),
        conditions={f"with pink noise at {NOISY:g} dB": {"snr_db": NOISY}},
    )
