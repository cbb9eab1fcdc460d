"""Character n-gram language model, on the host and without TensorFlow."""

import functools
import json
import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

END = "\n"  # before the first and after the last character of a text
ORDER = 5  # characters, as in LipNet (Assael et al. 2016, section 4.2)


@dataclass(frozen=True)
class LanguageModel:
    """Character n-gram counts, and their weight in beam search.

    `counts` are `{history: {character: count}}` of histories of 0 to `order - 1` characters. A history at the beginning
    of a text is shorter. `weight` multiplies the log-probability of a character. `bonus` is added for each character,
    because longer texts are less likely.
    """

    counts: dict[str, dict[str, int]]
    characters: str
    order: int = ORDER
    weight: float = 1.0
    bonus: float = 0.0

    def log_probability(self, history: str, character: str) -> float:
        """Compute the log-probability of `character` after `history`.

        `character` may be `END`; `history` begins with `END`. Counts after a history are interpolated with counts after
        a shorter one: the more different characters followed, the larger the weight of the shorter history. Witten and
        Bell 1991, method C, as in Chen and Goodman 1999, section 2.4. The shortest history is interpolated with a
        uniform distribution.
        """
        share = 1 / (len(self.characters) + 1)
        for length in range(min(self.order - 1, len(history)) + 1):
            followed = self.counts.get(history[len(history) - length :])
            if not followed:
                break
            total, kinds = sum(followed.values()), len(followed)
            share = (followed.get(character, 0) + kinds * share) / (total + kinds)
        return math.log(share)

    def scorer(self) -> Callable[[Sequence[int], int], float]:
        """Return the scorer of a label after a prefix, for `beam_ctc`.

        Labels number `characters` from 1.
        """

        @functools.lru_cache(maxsize=100_000)
        def score(last: tuple[int, ...], label: int) -> float:
            history = "".join(END if i == 0 else self.characters[i - 1] for i in last)
            if label == 0:
                return self.weight * self.log_probability(history, END)
            return self.weight * self.log_probability(history, self.characters[label - 1]) + self.bonus

        return lambda prefix, label: score((0, *prefix)[1 - self.order :] if self.order > 1 else (), label)

    def write(self, path: str | os.PathLike) -> None:
        """Write the model as JSON for `read_language_model`."""
        Path(path).write_text(json.dumps(vars(self), ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def learn_language(
    texts: Iterable[str], characters: str, weight: float = 1.0, bonus: float = 0.0, order: int = ORDER
) -> LanguageModel:
    """Count the n-grams of `texts` in `characters`.

    Raises:
        ValueError: `order` is below 1, or a text has other characters.
    """
    if order < 1:
        raise ValueError(f"learn_language expects order >= 1. Received: {order=}")
    counts: dict[str, Counter] = {}
    for text in texts:
        if set(text) - set(characters):
            raise ValueError(f"learn_language expects texts in {characters!r}. Received: {text!r:.80}")
        whole = f"{END}{text}{END}"
        for i in range(1, len(whole)):
            for length in range(min(order - 1, i) + 1):
                counts.setdefault(whole[i - length : i], Counter())[whole[i]] += 1
    return LanguageModel({key: dict(found) for key, found in counts.items()}, characters, order, weight, bonus)


def read_language_model(path: str | os.PathLike) -> LanguageModel:
    """Read a model written by `LanguageModel.write`.

    Raises:
        ValueError: the file does not exist, or is no language model.
    """
    try:
        return LanguageModel(**json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: expected a language model. Received: {error}") from None
