"""Speech recognition: transcripts from the output `log_probabilities` `(N, T, 1 + characters)` of a CTC model.

A recipe whose sentences follow a grammar defines `language(config)`, which returns a
`mmzoo.metrics.language_model.LanguageModel` of its training split. It is stored next to the model; transcripts are
scored with it and without.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mmzoo.artifacts.card import Baselines, Metrics, Scores
from mmzoo.artifacts.folder import LANGUAGE
from mmzoo.data.presence import NOTHING, by_pattern
from mmzoo.metrics.decode import Scorer, beam_ctc, spell
from mmzoo.metrics.transcription import error_rates
from mmzoo.tasks.format import percent, plain_table, table
from mmzoo.tasks.task import Call, Comparison, Examples, Metric, Predict, Task, metric_lines, runner_usage

OUTPUT = "log_probabilities"
WITH_LANGUAGE = "wer_with_language_model"
WIDTH, MOST = 24, 4  # prefixes of the beam; characters that can extend a prefix in one frame
RATES = ("wer", "cer", "exact")
WORDS = Metric("word_accuracy", "word accuracy")


def transcripts(log_probabilities: np.ndarray, characters: Sequence[str], scorer: Scorer | None = None) -> list[str]:
    """Decode `log_probabilities` `(N, T, 1 + len(characters))` by beam search of width 24."""
    found = (beam_ctc(frames, WIDTH, most=MOST, scorer=scorer)[0][0] for frames in log_probabilities)
    return [spell(labels, characters) for labels in found]


def rates(predict: Predict, examples: Examples, language: bool = False) -> Metrics:
    """Return word and character error rate and the fraction of exact transcripts; labels count from 1.

    With `language`, and a language model in `examples`, also the word error rate with it.
    """
    characters = examples.names
    frames = np.asarray(predict(examples.inputs)[OUTPUT])
    truth = [spell(row, characters) for row in np.asarray(examples.labels)]
    scored = error_rates(transcripts(frames, characters), truth)
    found = {key: scored[key] for key in RATES}
    if language and examples.language:
        with_model = transcripts(frames, characters, examples.language.scorer())
        found[WITH_LANGUAGE] = error_rates(with_model, truth)["wer"]
    return found


def score(predict: Predict, examples: Examples) -> Scores:
    """Score every condition of the recipe with every subset of at least one modality."""
    found = {name: _subsets(predict, some) for name, some in examples.conditions().items()}
    return Scores(n=len(examples), details={"transcripts": found})


def _subsets(predict: Predict, examples: Examples) -> dict[str, dict]:
    given = by_pattern(examples.inputs, examples.modalities)
    return {name: rates(predict, replace(examples, inputs=x), True) for name, x in given if name != NOTHING}


def row(found: Scores) -> Metrics:
    """Return the error rates without a language model, all modalities available, and the word accuracy."""
    full = next(iter(next(iter(found.details["transcripts"].values())).values()))
    return {"word_accuracy": 1 - full["wer"], **{key: full[key] for key in RATES}}


def quick(predict: Predict, examples: Examples) -> Metrics:
    """Return the error rates of `predict`, and its word accuracy."""
    found = rates(predict, examples)
    return {"word_accuracy": 1 - found["wer"], **found}


def compare(predict: Predict, unimodal: Mapping[str, Predict], examples: Examples) -> Comparison:
    """Score unimodal baselines under every condition."""
    found = {
        condition: {name: rates(one, some, True) for name, one in unimodal.items()}
        for condition, some in examples.conditions().items()
    }
    return Comparison(details={"alone": found})


def transcript_rows(found: Scores) -> list[list[str]]:
    """Return rows of condition, modalities, error rates in percent, also of unimodal baselines; "" where none."""
    rows = []
    for condition, subsets in found.details["transcripts"].items():
        for name, one in subsets.items():
            single = found.details.get("alone", {}).get(condition, {}).get(name, {})
            shown = [*(one[key] for key in RATES), one.get(WITH_LANGUAGE), single.get("wer"), single.get(WITH_LANGUAGE)]
            rows.append([condition, name, *("" if rate is None else f"{100 * rate:.2f}" for rate in shown)])
    return rows


def transcript_table(found: Scores) -> str:
    """Return the error rates as lines to print."""
    head = ["condition", "modalities", *RATES, "wer with LM", "unimodal wer", "with LM"]
    return plain_table(head, transcript_rows(found))


def summary(found: Scores, baselines: Baselines) -> list[str]:
    """Return the table of the error rates."""
    return transcript_table(found).splitlines()


def headline(found: Scores) -> str:
    """Return the word error rate with all modalities available."""
    return f"word error rate {percent(row(found)['wer'])}" if found.details else ""


def markdown(found: Scores, baselines: Baselines, note: str = "") -> str:
    """Return the error rates by condition and subset of the modalities."""
    if not found.details:
        return ""
    head = ["condition", "modalities", "WER, %", "CER, %", "exact, %", "WER with language model, %"]
    head += ["unimodal baseline WER, %", "with language model, %"]
    rows = transcript_rows(found)
    language = (
        f" The language model, `{LANGUAGE}`, counts character 5-grams of the training transcripts; the beam search "
        "adds its score where the table says so (shallow fusion)."
        if any(one[5] for one in rows)
        else ""
    )
    return (
        f"## Score on the {found.split} split, {found.n:,} sentences\n\n"
        "Word error rate (WER), character error rate (CER) and the fraction of exact sentences, decoded by beam search "
        f"without a language model.{language}\n\n{table(head, rows)}"
    )


def usage(call: Call) -> str:
    """Return the lines that print a transcript."""
    imports = ["from mmzoo.metrics.decode import beam_ctc, spell"]
    frames = f'runner({call.arguments})["log_probabilities"]'
    if LANGUAGE not in call.files:
        show = f"labels, _ = beam_ctc({frames})[0]{call.comment}\nprint(spell(labels, runner.labels))"
        return runner_usage(call, show, imports)
    imports.append("from mmzoo.metrics.language_model import read_language_model")
    show = (
        f'language = read_language_model("{call.folder}/{LANGUAGE}")\n'
        f"labels, _ = beam_ctc({frames}, scorer=language.scorer())[0]{call.comment}\n"
        "print(spell(labels, runner.labels))"
    )
    return runner_usage(call, show, imports)


def lines(file: str, found: Scores | None, metrics: Metrics) -> list[str]:
    """Return a line with the error rates of a file."""
    return metric_lines(file, metrics, RATES)


TASK = Task(
    name="transcription",
    outputs=(OUTPUT,),
    primary=WORDS,
    judged=WORDS,
    metrics=(Metric("wer", "WER", higher_is_better=False), Metric("cer", "CER", higher_is_better=False)),
    score=score,
    row=row,
    quick=quick,
    lines=lines,
    table=lambda found: f"\n{transcript_table(found)}",
    summary=summary,
    headline=headline,
    markdown=markdown,
    usage=usage,
    compare=compare,
    labels_are="outputs of `log_probabilities`, after the blank, are",
)
