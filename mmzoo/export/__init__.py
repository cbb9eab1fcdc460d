"""SavedModel, TFLite and ONNX files of a trained model, and their quantization."""
