"""What each measure of a record can show and what it cannot, for whoever prints the record."""

from typing import NamedTuple


class Meaning(NamedTuple):
    """Sentences that belong beside a measure's number."""

    best: str
    """The value of a generator that is as good as real samples."""
    can_show: str
    cannot_show: str


MEANING = {
    "mean_error": Meaning(
        "0",
        "Numbers that are too large or too small on the whole.",
        "Whether their distribution has the right form, or whether rows differ.",
    ),
    "std_error": Meaning(
        "0",
        "Rows whose numbers are spread too little or too far.",
        "Whether rows differ from each other.",
    ),
    "wasserstein": Meaning(
        "that of held_out; never 0 on finite samples",
        "Any difference between the distributions of the numbers, with its size.",
        "How the numbers of a row hang together, or whether rows differ.",
    ),
    "kolmogorov_smirnov": Meaning(
        "that of held_out; never 0 on finite samples",
        "A difference between the distributions of the numbers, whatever their unit.",
        "How far off the numbers are: 1 for any two sets that do not overlap.",
    ),
    "z_sensitivity": Meaning(
        "1",
        "A generator that makes the same row from any noise: 0.",
        "Whether what differs is right: noise as wide as the data has 1 too.",
    ),
    "kernel_distance": Meaning(
        "0, and it may be negative",
        "That generated and real samples differ in their features' first three moments.",
        "Whether quality or diversity is missing; copies of the training set.",
    ),
    "precision": Meaning(
        "that of held_out",
        "Samples that look like no real one.",
        "Whether more than a few kinds of samples are made; copies of the training set.",
    ),
    "recall": Meaning(
        "that of held_out",
        "Kinds of real samples that are never made.",
        "How often a kind is made; whether samples are good.",
    ),
    "class_shares": Meaning(
        "those of held_out",
        "Classes that are made too rarely or too often.",
        "Whether a sample shows its class: each goes to some class, noise too.",
    ),
    "classes_found": Meaning(
        "that of held_out",
        "Classes that are hardly ever made.",
        "Kinds within a class; classes that the classifier sees in samples without any.",
    ),
    "class_evenness": Meaning(
        "that of held_out",
        "An uneven choice of classes.",
        "Whether the samples are good: noise may be spread evenly too.",
    ),
    "confidence": Meaning(
        "that of held_out",
        "Samples between classes.",
        "Good samples: a classifier is often sure about noise.",
    ),
    "distance_ratio": Meaning(
        "1",
        "A generator most of whose samples are copies of training samples: near 0.",
        "A few copies; copies that are shifted or brightened. Above 1 is no praise.",
    ),
    "share_nearer": Meaning(
        "0.01",
        "A part of the samples that are copies of training samples.",
        "Shifted copies; smooth or empty samples lie near to training samples too.",
    ),
}
"""Name of a measure -> its sentences."""
