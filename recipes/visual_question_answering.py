"""The published run of `visual_question_answering`, on easy-VQA."""

from mmzoo.commands.train import train
from mmzoo.recipes.visual_question_answering import Config

if __name__ == "__main__":
    train(
        "visual_question_answering",
        Config(source="easy_vqa", epochs=24),
        out="saved_models/visual_question_answering",
    )
