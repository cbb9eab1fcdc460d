"""The published run of `object_detection` on 256 photographs of COCO: its scores, no weights; the photos are use only.

102 photographs, in which are six bicycles, are far too few to learn to detect from: the score is that of so few.
"""

import tempfile

from mmzoo.recipes.object_detection import Config
from mmzoo.run.publish import publish_scores
from mmzoo.run.train import train

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        folder = train("object_detection", Config(source="coco256", epochs=120, batch_size=8), out=f"{place}/coco256")
        publish_scores(folder, "saved_models/object_detection_coco256")
