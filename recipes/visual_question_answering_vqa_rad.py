"""The published run of `visual_question_answering` on VQA-RAD: settings were chosen on validation, which is joined."""

from mmzoo.commands.train import train
from mmzoo.recipes.visual_question_answering import Config

if __name__ == "__main__":
    seen = {"text_units": 128, "dropout": 0.4, "fusion": "concat", "alone": True, "modality_dropout": 0.05}
    config = Config(source="vqa_rad", **seen, epochs=40, learning_rate=2e-3, join_validation=True)
    train("visual_question_answering", config, out="saved_models/visual_question_answering_vqa_rad")
