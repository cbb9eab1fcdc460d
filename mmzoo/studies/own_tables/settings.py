"""The settings of the study."""

import shlex
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Settings of `mmzoo study own-tables`."""

    tables: str = ""
    """Names of tables, separated by commas; by default all."""
    data_dir: str = ""
    """Folder of the data; by default MMZOO_DATA_DIR. A table whose data are not there is skipped."""
    work: str = ""
    """Folder of the tables, which are written once; by default OUT/tables."""
    limit: int = 0
    """Maximum number of rows of a split; 0 for all."""
    label: str = "fit"
    """Name of the runs of `fit` in the results, to compare several of its versions."""
    epochs: int = 0
    """Maximum number of epochs of `fit`; 0 for its default."""
    budget: str = ""
    """Training time of `fit`, as 10m."""
    options: str = ""
    """Further options of `fit`, as "--size 300KB --fusion concat"."""
    autogluon: str = ""
    """Python with autogluon.tabular, a further peer on the columns that hold no files; by default none."""
    peers_only: bool = False
    """Train peers, and no model of `fit`."""
    ours_only: bool = False
    """Train models of `fit`, and no peer."""
    show: bool = False
    """Print the tables, and train nothing."""

    @property
    def flags(self) -> tuple[str, ...]:
        """Return the words of the command line of `fit` behind the table."""
        words = [*(("--epochs", str(self.epochs)) if self.epochs else ())]
        words += [*(("--budget", self.budget) if self.budget else ())]
        return (*words, *shlex.split(self.options))
