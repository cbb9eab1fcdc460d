"""The published run of `audio_visual_speech`, on GRID's speaker s1: sound alone, then both; its scores, no weights."""

from mmzoo.recipes.audio_visual_speech import Config
from mmzoo.run.publish import publish_scores
from mmzoo.run.train import train

if __name__ == "__main__":
    told = {"source": "grid", "embed_dim": 128, "joined": 0.7, "learning_rate": 2e-3}
    sound = train("audio_visual_speech", Config(**told, modalities=("audio",), epochs=18), out="sound_of_grid")
    config = Config(**told, modality_dropout=0.6, epochs=30, init_from=f"{sound}/model.keras")
    publish_scores(train("audio_visual_speech", config, out="both_of_grid"), "saved_models/audio_visual_speech")
