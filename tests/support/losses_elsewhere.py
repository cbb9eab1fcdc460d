"""A child process: values and gradients of every loss under the backend that KERAS_BACKEND names."""

import pickle
import sys
from pathlib import Path

from loss_cases import SHAPED_ALIKE, all_answers

Path(sys.argv[1]).write_bytes(pickle.dumps(all_answers(SHAPED_ALIKE)))
