"""CMU-MOSI as features of utterances: 93 reviews of films, each utterance negative or positive.

Zadeh et al. 2016; features of Poria et al. 2017, section 3.1: text by a convolutional net, audio by openSMILE, video by
a 3-D convolutional net. The two nets were trained on the labels of all 62 training videos, so their features leak these
labels: a logistic regression on the text features of 50 videos has 98 % accuracy on the other 12, where word counts
allow 70 %; on the video features, 93 %. A model that trusts them ignores audio and context. So a fraction of each text
and video feature is replaced, in training and validation, by the feature of another utterance: see `BLENDS`. The
transcripts are raw: features of a language model have seen no label.
"""

import functools

import numpy as np

from mmzoo.data.batches.utterances import Utterances
from mmzoo.data.download.archive import read_arrays
from mmzoo.data.features import sentences
from mmzoo.errors import BadInputError

CARD = {
    "name": "CMU-MOSI, features of Poria et al. 2017",
    "version": "f1199e6",
    "license": "none stated with the features; CMU-MOSI is for research",
    "weights_license": "for research, as the data",
    "published": "80.3 % from all, 78.1, 60.3, 55.8 % from text, audio, video, with context (Poria et al. 2017)",
}
FILE = "mosi_utterance_features.npz"
FOLDER = "arrays/mosi_features"
SOURCE = (
    "the features of github.com/soujanyaporia/contextual-utterance-level-multimodal-sentiment-analysis, "
    "data/{text,audio,video}/*_{train,test}0.csv, as arrays {train,test}_{text,audio,video} (N, 100 or 73) float32, "
    "_label (N,) 0 or 1, _video_id (N,), _utt_no (N,) and, of data/transcripts.csv, _transcript (N,), saved with "
    "numpy.savez"
)
FEATURES = {"text": 100, "audio": 73, "video": 100}  # width of those in the file
WIDTHS = {**FEATURES, "transcript": sentences.WIDTH}
UNITS = {
    "text": "features of a convolutional net over words",
    "audio": "openSMILE features",
    "video": "features of a 3-D convolutional net over frames",
    "transcript": "mean of the last hidden states of all-MiniLM-L6-v2",
}
RANGES = {"text": (-2.0, 2.0), "audio": (-400.0, 400.0), "video": (0.0, 200.0), "transcript": (-2.0, 2.0)}
VALIDATION_VIDEOS = 12  # the last of the training videos, in the order of the file
BLENDS = {"text": (0.0, 1.0), "video": (0.8, 1.0)}


@functools.lru_cache(maxsize=4)
def mosi(split, data_dir, modalities=tuple(FEATURES)):
    """Load `train` (50 videos), `validation` (12) or `test` (31) as `Utterances`; label 0 negative, 1 positive.

    `modalities` are keys of `WIDTHS`; `FEATURES` are always loaded.

    Raises:
        BadInputError: the file is in neither `data_dir` nor MMZOO_DATA_DIR, damaged, or of other arrays; or
            `transcript` is requested and the model of `sentence_features` is missing.
    """
    part = "test" if split == "test" else "train"
    arrays = _arrays(part, data_dir)
    if "transcript" in modalities:
        arrays = arrays | {"transcript": _embedded(part, data_dir)}
    names = list(dict.fromkeys(arrays["video_id"].tolist()))
    if split != "test":
        names = names[-VALIDATION_VIDEOS:] if split == "validation" else names[:-VALIDATION_VIDEOS]
    number = {name: i for i, name in enumerate(names)}
    videos = np.array([number.get(name, -1) for name in arrays["video_id"].tolist()], np.int32)
    order = np.lexsort((arrays["utt_no"], videos))
    order = order[videos[order] >= 0]
    features = {
        name: np.asarray(arrays[name][order], np.float32) for name in WIDTHS if name in (*FEATURES, *modalities)
    }
    labels = arrays["label"][order].astype(np.int32)
    return Utterances(features, labels, videos[order], {} if split == "test" else BLENDS)


@functools.lru_cache(maxsize=4)
def _arrays(part, data_dir):
    """Return `{array: ...}` of the file's `part`, train or test, checked."""
    keys = [f"{part}_{name}" for name in (*FEATURES, "transcript", "label", "video_id", "utt_no")]
    path, arrays = read_arrays(FILE, FOLDER, keys, SOURCE, data_dir)
    arrays = {key.removeprefix(f"{part}_"): array for key, array in arrays.items()}
    _check(path, part, arrays)
    return arrays


@functools.lru_cache(maxsize=4)
def _embedded(part, data_dir):
    """Return the features `(N, WIDTHS["transcript"])` of the transcripts of `part`."""
    folder = sentences.find_model(data_dir)
    return sentences.sentence_features(_arrays(part, data_dir)["transcript"].tolist(), folder)


def _check(path, part, arrays):
    count = len(arrays["label"]) if arrays["label"].ndim else 0
    for name, array in arrays.items():
        shape = (count, FEATURES[name]) if name in FEATURES else (count,)
        if not count or array.shape != shape:
            said = f"{part}_{name} of shape {shape}"
            raise BadInputError(f"{path}: expected {said}: {SOURCE}. Received: {array.shape}")
    for name in (*FEATURES, "label", "utt_no"):
        numbers = arrays[name]
        if not np.issubdtype(numbers.dtype, np.number) or not np.all(np.isfinite(numbers)):
            raise BadInputError(f"{path}: expected finite numbers in {part}_{name}. Received: {numbers.dtype}")
    if arrays["transcript"].dtype.kind != "U":
        raise BadInputError(f"{path}: expected text in {part}_transcript. Received: {arrays['transcript'].dtype}")
    if not set(np.unique(arrays["label"])) <= {0, 1}:
        raise BadInputError(f"{path}: expected 0 or 1 in {part}_label. Received: {np.unique(arrays['label'])}")
    videos = len(set(arrays["video_id"].tolist()))
    if part == "train" and videos <= VALIDATION_VIDEOS:
        raise BadInputError(f"{path}: expected more than {VALIDATION_VIDEOS} training videos. Received: {videos}")
