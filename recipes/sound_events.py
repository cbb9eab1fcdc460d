"""The published run of `sound_events`, on ESC-10: the first fold, then all, whose mean its card tells."""

from mmzoo.commands.train import train
from mmzoo.recipes.sound_events import Config
from mmzoo.studies.folds import recipe_folds

if __name__ == "__main__":
    config = Config(source="esc10", join_validation=True, passes=4, epochs=16)
    recipe_folds(train("sound_events", config, out="saved_models/sound_events"), "folds.json")
