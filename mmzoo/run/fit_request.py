"""What can be asked of `mmzoo fit`, beside the table and its target: the fields are the flags."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    task: str = ""
    """What the target is, where its content does not say so: class or number."""
    image: tuple[str, ...] = ()
    """Columns of paths of pictures, where the content does not say so."""
    audio: tuple[str, ...] = ()
    """Columns of paths of sounds."""
    text: tuple[str, ...] = ()
    """Columns of texts."""
    number: tuple[str, ...] = ()
    """Columns of numbers."""
    category: tuple[str, ...] = ()
    """Columns of a few values, numbers among them."""
    ignore: tuple[str, ...] = ()
    """Columns to leave out."""
    split: str = ""
    """Column that says train, validation or test."""
    group: str = ""
    """Column whose values are never in two splits, as a person or a video."""
    time: str = ""
    """Column of dates or numbers: the oldest rows train, the newest are the test."""
    fusion: str = "gated"
    """One of mmzoo.fusion: gated, concat, weighted, attention, transformer, bottleneck, low_rank, ..."""
    balance: bool = False
    """Weigh rare classes more: more of them are found, and more of the others missed."""
    epochs: int = 30
    """At most; training ends when validation gets no better."""
    budget: str = ""
    """How long it may take, as 10m: fewer epochs, if need be."""
    size: str = ""
    """How large the float TFLite file may be, as 500KB: narrower encoders, if need be."""
    seed: int = 0
    """Of the split, the weights and the order."""
    skip_bad: bool = False
    """Leave rows out whose files cannot be decoded."""

    @property
    def kinds(self) -> dict[str, str]:
        """Return `{column: kind}` of the columns whose kind is said."""
        said = ("image", "audio", "text", "number", "category")
        return {name: kind for kind in said for name in getattr(self, kind)}
