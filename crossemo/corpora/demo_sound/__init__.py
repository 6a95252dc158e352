"""The synthesis behind the demo: cues of emotion, and voices that have them."""
