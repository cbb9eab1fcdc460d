"""Bounding boxes in the formats of Pascal VOC, YOLO and COCO."""
