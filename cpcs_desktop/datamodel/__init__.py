"""The vocabulary: frozen dataclasses, numpy only, no input or output."""
