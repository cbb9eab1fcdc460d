"""The published run of `image_text_retrieval` on FxEmojis, with the settings that were chosen on Lucide's icons."""

from mmzoo.commands.train import train
from mmzoo.recipes.image_text_retrieval import Config

if __name__ == "__main__":
    config = Config(source="fxemoji", passes=4, epochs=16)
    train("image_text_retrieval", config, out="saved_models/image_text_retrieval_fxemoji")
