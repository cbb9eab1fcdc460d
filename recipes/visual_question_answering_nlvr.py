"""The published run of `visual_question_answering` on NLVR, pretrained on drawn scenes: 45 minutes on one core."""

from mmzoo.commands.train import train
from mmzoo.recipes.visual_question_answering import Config
from mmzoo.studies.pretrain_nlvr import pretrain

if __name__ == "__main__":
    seen = {"init_from": str(pretrain("nlvr_drawn/boxes.keras")), "embed_dim": 128, "fusion": "concat"}
    config = Config(source="nlvr", **seen, epochs=5, learning_rate=3e-4, join_validation=True)
    train("visual_question_answering", config, out="saved_models/visual_question_answering_nlvr")
