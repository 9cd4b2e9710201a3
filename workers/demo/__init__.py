"""`make demo`: the main job from end to end on embedded parts, a room of its own since it tells three stories."""
