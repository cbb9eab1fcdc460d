"""The published run of `anomaly_detection`, on its procedural scenes: small enough for a folder of 5 MB."""

from mmzoo.commands.train import train
from mmzoo.recipes.anomaly_detection import Config

if __name__ == "__main__":
    train("anomaly_detection", Config(embed_dim=28), out="saved_models/anomaly_detection")
