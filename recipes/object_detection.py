"""The published run of `object_detection` on BCCD: settings were chosen on validation, which is joined."""

from mmzoo.commands.train import train
from mmzoo.recipes.object_detection import Config

if __name__ == "__main__":
    train(
        "object_detection",
        Config(source="bccd", embed_dim=64, epochs=120, batch_size=8, join_validation=True),
        out="saved_models/object_detection",
    )
