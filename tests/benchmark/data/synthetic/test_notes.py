import csv

import numpy as np
import open_clip
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from benchmark.data.synthetic import make_config
from benchmark.data.synthetic.clinical import examine
from benchmark.data.synthetic.notes import draw_statement, facts_of, write_note, write_summary
from benchmark.data.synthetic.samples import draw_split

SAMPLES = 1200


def texts(note_quality):
    """Labels, summaries and notes of the default training split."""
    config = make_config()
    patients = draw_split(config, "train")
    generator = np.random.default_rng(5)
    summaries, notes = [], []
    for index in range(SAMPLES):
        findings = examine(int(patients.glaucoma[index]), config, generator)
        groups = {name: str(values[index]) for name, values in patients.groups.items()}
        facts = facts_of(float(patients.age[index]), groups, findings)
        statement = draw_statement(note_quality, generator)
        summaries.append(write_summary(statement, findings, facts, generator))
        notes.append(write_note(statement, findings, facts, generator))
    return patients.glaucoma, summaries, notes


@pytest.fixture(scope="module")
def default_texts():
    return texts(make_config().note_quality)


def readable_auc(labels, summaries):
    """AUC of a linear reader of word pairs, trained on one half and tested on the other."""
    reader = make_pipeline(CountVectorizer(ngram_range=(1, 3)), LogisticRegression(max_iter=500))
    half = SAMPLES // 2
    reader.fit(summaries[:half], labels[:half])
    return roc_auc_score(labels[half:], reader.decision_function(summaries[half:]))


class TestWriteSummary:
    def test_every_summary_has_at_most_180_characters_and_some_have_over_150(self, default_texts):
        lengths = np.array([len(summary) for summary in default_texts[1]])
        assert lengths.max() <= 180
        assert (lengths > 150).mean() > 0.05

    def test_every_summary_fits_the_77_tokens_of_clip(self, default_texts):
        encode = open_clip.get_tokenizer("ViT-B-32").encode
        assert max(len(encode(summary)) for summary in default_texts[1]) + 2 <= 77

    def test_both_class_names_of_the_prompts_occur_and_mostly_in_their_class(self, default_texts):
        labels, summaries, _ = default_texts
        negative = np.array(["non-glaucoma" in summary.lower() for summary in summaries])
        assert 0.1 < negative.mean() < 0.4
        assert labels[negative].mean() < 0.2
        positive = np.array(["glaucoma" in summary.lower() for summary in summaries]) & ~negative
        assert labels[positive].mean() > 0.5

    def test_summaries_vary(self, default_texts):
        assert len(set(default_texts[1])) > 0.95 * SAMPLES

    def test_a_summary_has_no_unfilled_slot_and_starts_in_upper_case(self, default_texts):
        for text in default_texts[1] + default_texts[2]:
            assert "{" not in text
            assert text[0].isupper() or text[0].isdigit()

    def test_the_text_tells_the_label_as_well_as_the_note_quality_allows(self, default_texts):
        aucs = [readable_auc(*texts(quality)[:2]) for quality in (0.0, 1.0)]
        default = readable_auc(*default_texts[:2])
        assert aucs[0] < default < aucs[1]
        assert aucs[1] > 0.98
        assert 0.75 < default < 0.97


class TestWriteNote:
    def test_notes_have_11_to_332_words_and_147_on_average(self, default_texts):
        words = np.array([len(note.split()) for note in default_texts[2]])
        assert words.min() >= 11
        assert words.max() <= 332
        assert words.mean() == pytest.approx(147, abs=6)  # three standard errors

    def test_notes_never_break_a_csv_line(self, default_texts, tmp_path):
        path = tmp_path / "notes.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([note] for note in default_texts[2])
        assert len(path.read_text(encoding="utf-8").splitlines()) == SAMPLES


class TestExamine:
    def test_the_visual_field_defines_the_label_as_in_the_paper(self):
        generator = np.random.default_rng(0)
        config = make_config()
        for label in (0, 1):
            eyes = [examine(label, config, generator) for _ in range(500)]
            deviations = np.array([eye.md for eye in eyes])
            assert np.all(deviations < -3) if label else np.all(deviations >= -1)
            assert all(eye.tds.shape == (52,) and eye.tds.dtype == np.float32 for eye in eyes)
            means = [eye.tds.mean() for eye in eyes]
            assert np.corrcoef(means, deviations)[0, 1] > 0.9

    def test_the_cup_separates_the_classes_as_the_binormal_model_says(self):
        generator = np.random.default_rng(1)
        config = make_config()
        labels = np.repeat([0, 1], 4000)
        ratios = [examine(int(label), config, generator).cup_to_disc for label in labels]
        # Φ(0.20 / (√2 · 0.11)) = Φ(1.286)
        assert roc_auc_score(labels, ratios) == pytest.approx(0.9007, abs=0.01)
