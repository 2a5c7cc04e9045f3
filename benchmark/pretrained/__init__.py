"""The tiny CLIP that ships with fairbench, and the command that made it."""
