"""From an image to a mask: MediaPipe, Keras, the model files, and the post-processing."""
