"""From values over seeds and patients to verdicts: claims, their tests, one family, one rule."""
