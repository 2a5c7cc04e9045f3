"""The sentences and word lists that notes and summaries are made of.

`{name}` is a slot: a fact about the patient, or a choice from `WORDS`. Upper-case placeholders
such as PERSON and DATE stand where de-identification leaves them in real notes.
"""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, tuple[str, ...]] = {
    "person": ("patient", "the patient", "{age}-year-old {sex}", "{age} year old {sex}", "{sex}"),
    "eyes": ("both eyes", "both eyes", "the right eye", "the left eye", "OU", "OD", "OS"),
    "kind": ("", "", "primary open-angle ", "open angle ", "normal tension ", "chronic "),
    "stage": ("", "", "mild ", "moderate ", "advanced ", "early ", "severe "),
    "shows": ("shows", "reveals", "demonstrates", "indicates", "suggests"),
    "test": ("OCT", "fundus photo", "visual field", "exam", "imaging", "disc exam", "evaluation"),
    "drug": ("latanoprost", "timolol", "dorzolamide", "brimonidine", "bimatoprost"),
    "interval": ("3 months", "6 months", "1 year", "4 weeks", "a few months", "9-12 months"),
    "other": ("cataract", "dry eye", "myopia", "blepharitis", "posterior vitreous detachment",
              "macular drusen", "dermatochalasis", "presbyopia", "ocular surface disease"),
    "illness": ("diabetes", "hypertension", "asthma", "migraine", "hypothyroidism", "arthritis",
                "high cholesterol", "sleep apnea"),
    "symptom": ("blurry vision", "floaters", "headache", "eye strain", "itching", "glare at night",
                "tearing", "difficulty with small print"),
    "relative": ("mother", "father", "sister", "brother", "grandmother", "aunt"),
    "reason": ("a comprehensive eye exam", "a follow up visit", "an optic nerve evaluation",
               "a second opinion", "a pressure check", "routine screening"),
}  # fmt: skip
"""Slot → what may stand there. Repeated entries are likelier."""

PLAIN: tuple[tuple[str, ...], ...] = (
    (
        "{person} is non-glaucoma.",
        "non-glaucoma.",
        "{test}: non-glaucoma.",
        "diagnosis: non-glaucoma, healthy optic nerves.",
        "{test} {shows} non-glaucoma optic nerves in {eyes}.",
        "fundus photo of non-glaucoma, {eyes}.",
        "a non-glaucoma {sex} with {other}.",
        "no evidence of glaucoma in {eyes}.",
        "{person} does not have glaucoma.",
        "no signs of glaucoma on {test}.",
        "{test} normal, glaucoma was ruled out.",
        "optic nerves are healthy and {person} has no glaucoma.",
        "non-glaucoma, pressures normal at {iop}.",
        "{person} was cleared of glaucoma after a normal {test}.",
    ),
    (
        "{person} has {stage}{kind}glaucoma in {eyes}.",
        "{stage}{kind}glaucoma.",
        "{test}: {stage}glaucoma.",
        "diagnosis: {kind}glaucoma, {eyes}.",
        "{test} {shows} {stage}glaucoma damage in {eyes}.",
        "fundus photo of {stage}glaucoma, {eyes}.",
        "a {sex} with {kind}glaucoma and {other}.",
        "clear evidence of {stage}glaucoma in {eyes}.",
        "{person} was diagnosed with {stage}{kind}glaucoma.",
        "signs of {stage}glaucoma on {test}.",
        "{test} abnormal, glaucoma was confirmed.",
        "optic nerves are damaged and {person} has glaucoma.",
        "glaucoma, pressure {iop}, treated with {drug}.",
        "{person} is under treatment for {kind}glaucoma with {drug}.",
    ),
)
"""Statements of the finding by label."""

HEDGED: tuple[tuple[str, ...], ...] = (
    (
        "glaucoma is unlikely in {eyes}.",
        "{person} is a low risk glaucoma suspect.",
        "no definite glaucoma at this time, will monitor.",
        "probably non-glaucoma, cupping looks physiologic.",
        "glaucoma suspect by family history only, {test} reassuring.",
        "findings not typical of glaucoma.",
        "glaucoma suspect, stable, observe without drops.",
        "possible ocular hypertension without glaucoma.",
        "doubtful glaucoma, repeat {test} in {interval}.",
    ),
    (
        "{person} is a high risk glaucoma suspect.",
        "{test} consistent with glaucoma in {eyes}.",
        "possible {stage}glaucoma, repeat {test} in {interval}.",
        "findings suspicious for glaucoma.",
        "likely glaucoma in {eyes}, start {drug}.",
        "glaucoma cannot be excluded in {eyes}.",
        "probable {kind}glaucoma.",
        "glaucoma suspect, {test} borderline, observe.",
        "concern for progression to glaucoma.",
    ),
)
"""Statements that leave room for doubt, by label."""

SILENT: tuple[str, ...] = (
    "{person} seen for {reason}.",
    "{person} presented with {symptom}.",
    "{test} was repeated and compared with the last visit.",
    "{other} was discussed with {person}.",
    "medications reviewed, history of {illness}.",
    "optic nerves were examined; results will be discussed at the next visit.",
    "{person} was referred to PERSON for {other}.",
    "vision is stable, new glasses were prescribed.",
)
"""Sentences in the place of a statement that give nothing away."""

CUPS: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0.36, ("small cups.", "C/D {cdr}, full rim.", "cup to disc ratio {cdr}, pink rim.")),
    (0.52, ("average cups.", "C/D {cdr}, rim intact.", "cup to disc ratio {cdr}, healthy rim.")),
    (0.66, ("moderate cupping.", "C/D {cdr} in {eyes}.", "enlarged cup, ratio {cdr}.")),
    (1.00, ("large cups, thin rim.", "C/D {cdr}, notching of the rim.", "deep cupping, {cdr}.")),
)
"""Upper end of a range of vertical cup-to-disc ratios → how that range is described."""

ASIDES: tuple[str, ...] = (
    "{other} in {eyes}.",
    "history of {illness}.",
    "{person} reports {symptom}.",
    "follow up in {interval}.",
    "return in {interval} for {test}.",
    "IOP {iop} in {eyes}.",
    "{relative} has eye disease.",
    "also has {other} and {illness}.",
    "uses artificial tears.",
    "plan discussed with {person}.",
    "visual acuity 20/{acuity} with glasses.",
    "{their} {relative} had retinal surgery.",
)
"""Short sentences beside the statement. Only the pressure is related to the label, weakly."""

OPENINGS: tuple[str, ...] = (
    "{age}-year-old {race} {sex} seen on DATE for {reason} at the request of PERSON.",
    "PERSON is a {age} year old {sex} who comes to LOCATION today for {reason}.",
    "This is a {age} y/o {race} {sex} here with PERSON for {reason}, last seen DATE.",
    "I had the pleasure of seeing PERSON, a {age} year old {sex}, for {reason} at LOCATION.",
)
"""First sentence of a note; each has at least 11 words."""

HISTORY: tuple[str, ...] = (
    "{They} reports {symptom} that started several weeks ago and comes and goes.",
    "{They} denies pain, flashes, floaters or loss of vision since the last visit.",
    "Past medical history is notable for {illness} and {illness}, both managed by PERSON.",
    "{Their} {relative} was treated for an eye condition, details of which are not known.",
    "Past ocular history includes {other}, noted at an outside office in DATE.",
    "Current medications were reviewed and reconciled with the list from PERSON.",
    "{They} has no known drug allergies and does not smoke.",
    "{They} was previously followed by PERSON at LOCATION and brought records along.",
    "There is no history of trauma, steroid use or eye surgery in {eyes}.",
    "{They} uses artificial tears as needed and wears glasses for reading.",
    "Social history: lives with family, drives during the day, speaks {language}.",
    "{They} works at a computer for most of the day and notes {symptom} by the evening.",
    "Review of systems is otherwise negative.",
)

EXAMINATION: tuple[str, ...] = (
    "Visual acuity with correction is 20/{acuity} right eye and 20/25 left eye.",
    "Intraocular pressure today is {iop} mmHg by applanation at DATE.",
    "Central corneal thickness measures {cct} microns in {eyes}.",
    "Pupils are equal, round and reactive without an afferent defect.",
    "Gonioscopy shows open angles with moderate pigment in all quadrants.",
    "Slit lamp examination shows quiet conjunctiva, clear cornea and a deep chamber.",
    "The lens shows trace nuclear sclerosis, not visually significant.",
    "Dilated examination shows a vertical cup to disc ratio of {cdr}.",
    "The macula is flat and the vessels are of normal caliber.",
    "The periphery is attached without holes or tears in {eyes}.",
    "Extraocular motility is full and confrontation fields are performed.",
    "Refraction was repeated and a prescription for new glasses was offered.",
    "Fundus photographs and OCT were taken in {eyes} with adequate signal strength.",
    "Reliability of the visual field was acceptable, mean deviation {md} dB.",
    "Lids and lashes show mild {other}.",
)

PLAN: tuple[str, ...] = (
    "We discussed the findings at length and all questions were answered.",
    "Warm compresses and preservative free tears were recommended for {other}.",
    "Repeat OCT and visual field in {interval}, sooner if there is a change.",
    "Return to clinic in {interval} or earlier with {symptom}.",
    "Good control of {illness} with PERSON was encouraged.",
    "The {other} will be observed; surgery is not indicated at present.",
    "Instructions were given in {language} and {they} expressed understanding.",
    "A letter was sent to PERSON at LOCATION with a copy of the test results.",
    "{Their} family members were advised to have regular eye examinations.",
    "Call the office at PHONE for any sudden change in vision.",
    "The risks, benefits and alternatives of further testing were explained.",
    "Photographs were archived for comparison at the next visit on DATE.",
    "Time spent face to face was more than half of the visit, including counseling.",
    "Records from LOCATION will be requested and reviewed when they arrive.",
)
