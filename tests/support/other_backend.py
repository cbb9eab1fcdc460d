"""A child process: answers of parts under the backend that KERAS_BACKEND names, from given weights and inputs."""

import pickle
import sys
from pathlib import Path

import keras
import numpy as np

from mmzoo.commands.catalogue import example

keras.config.set_dtype_policy(sys.argv[3])
given = pickle.loads(Path(sys.argv[1]).read_bytes())
answers = {}
for part, (weights, inputs) in given.items():
    try:
        keras.utils.set_random_seed(0)
        model = example(part)
        model.set_weights(weights)
        outputs = model(inputs, training=False)
        answers[part] = {name: np.asarray(keras.ops.convert_to_numpy(y)) for name, y in outputs.items()}
    except Exception as error:  # each part's own error is told by its own test
        answers[part] = f"{type(error).__name__}: {error}"
Path(sys.argv[2]).write_bytes(pickle.dumps(answers))
