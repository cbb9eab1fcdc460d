"""The published run of `sentiment`, on CMU-MOSI: its license allows the scores alone, without the weights."""

import tempfile

from mmzoo.commands.publish import publish_scores
from mmzoo.commands.train import train
from mmzoo.recipes.sentiment import Config

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        config = Config(source="mosi", context=15, embed_dim=32, join_validation=True)
        folder = train("sentiment", config, out=f"{place}/sentiment")
        publish_scores(folder, "saved_models/sentiment")
