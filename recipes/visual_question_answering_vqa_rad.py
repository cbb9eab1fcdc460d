"""The published run of `visual_question_answering` on VQA-RAD, with the recipe's defaults."""

from mmzoo.recipes.visual_question_answering import Config
from mmzoo.run.train import train

if __name__ == "__main__":
    config = Config(source="vqa_rad")
    train("visual_question_answering", config, out="saved_models/visual_question_answering_vqa_rad")
