"""What the card of a trained folder must say of its verification."""

from json_card import read_card


def check_verified(folder, spec):
    """Assert that every file of a folder ran, those of `spec.precisions` on the GPU as well, and none was wrong."""
    report = read_card(folder)["verification"]
    assert report["gpu"]["status"] == "executed", report["gpu"]
    assert report["exit_code"] == 0, report["checks"]
    executed = {(row["artifact"], row["on"]) for row in report["checks"] if row["status"] == "right"}
    assert executed >= {("model_float32.tflite", "cpu"), ("saved_model", "cpu"), ("model.onnx", "cpu")}
    assert executed >= {(f"model_{precision}.tflite", "gpu") for precision in spec.precisions}
