"""Command line `python -m mmzoo.device MODEL --image a.png --audio b.wav`, which prints the prediction."""

import argparse
import io
import sys
from typing import NoReturn

from mmzoo.device.runner import Runner


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Print the argument error on one line and exit with code 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    The code is 0, or 2 after an input error, which is printed on stderr as one line.
    """
    parser = _Parser("python -m mmzoo.device", description="Run an exported model on one example.")
    parser.add_argument("model", help="folder of a trained model, or a .tflite file")
    parser.add_argument("--image", help="image file")
    parser.add_argument("--audio", help="WAV file")
    parser.add_argument("--series", help="CSV, NPY or Parquet file of a time series")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--accelerator", choices=("cpu", "gpu"), default="cpu")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name of a file need not be text
            stream.reconfigure(errors="backslashreplace")
    given = parser.parse_args(arguments)
    try:
        runner = Runner(given.model, given.threads, given.accelerator)
        answer = runner(image=given.image, audio=given.audio, series=given.series)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if "value" in answer:
        print(answer["value"])
        return 0
    if "labels" in answer:
        print(", ".join(answer["labels"]) or "(none of the labels)")
    else:
        print(answer.get("label", "(no labels in the model's card)"))
    probabilities = answer.get("probabilities", {})
    pairs = probabilities.items() if isinstance(probabilities, dict) else enumerate(probabilities)
    for label, probability in sorted(pairs, key=lambda pair: -pair[1]):
        print(f"{label:>12} {probability:8.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
