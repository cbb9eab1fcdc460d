"""The published run of `audio_visual_speech`, on GRID's speaker s1: its scores, no weights. An hour on one core."""

from mmzoo.commands.publish import publish_scores
from mmzoo.commands.train import train
from mmzoo.recipes.audio_visual_speech import Config

if __name__ == "__main__":
    config = Config(source="grid", embed_dim=128, joined=0.7, modality_dropout=0.5, learning_rate=2e-3, epochs=120)
    publish_scores(train("audio_visual_speech", config, out="grid"), "saved_models/audio_visual_speech")
