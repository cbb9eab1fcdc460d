"""The published run of `visual_question_answering`, on easy-VQA."""

from mmzoo.recipes.visual_question_answering import Config
from mmzoo.run.train import train

if __name__ == "__main__":
    train(
        "visual_question_answering",
        Config(source="easy_vqa", epochs=24),
        out="saved_models/visual_question_answering",
    )
