"""`python -m mmzoo.device MODEL --image a.png --audio b.wav`: print the label and the probabilities, or the number."""

import argparse
import sys

from mmzoo.device.runner import Runner


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        """Say in one line what is wrong with the arguments."""
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 0, or 2 after one line on stderr that says what was wrong."""
    parser = _Parser("python -m mmzoo.device", description="Answer with an exported model.")
    parser.add_argument("model", help="folder of a trained model, or a .tflite file")
    parser.add_argument("--image", help="picture file")
    parser.add_argument("--audio", help="PCM WAV file")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--accelerator", choices=("cpu", "gpu"), default="cpu")
    given = parser.parse_args(arguments)
    try:
        answer = Runner(given.model, given.threads, given.accelerator)(image=given.image, audio=given.audio)
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
