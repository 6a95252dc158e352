from crossemo.corpora.ravdess import RAVDESS

__all__ = ["RAVDESS"]
