"""The texts of sweep files to start from: what each kind of study asks, in the words of a sweep file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Template
from textwrap import indent

_HEAD = """\
# $title
#   check it     pgan-ray sweep $file --dry-run
#   its cost     pgan-ray plan $file
#   a first look pgan-ray sweep $file                  (the profile `quick`, below)
#   full run     pgan-ray sweep $file --profile body
# $marks All keys: "The sweep file" in sweeps/README.md.
name: $name
description: $description
seed: 0 # all random streams derive from it

dataset: # $size
  $dataset

task: # $of
  classes: [$source, $poison] # two or more; with more, surrogate_classes: [$source, $poison] for the attack itself
  poison_class: $poison # the label of the poisoning points
  source_class: $source # the class whose points the attack wants mistaken for it

"""

_PGAN = """\
alpha: $alpha # near 1 poison looks genuine, near 0 it aims for harm only
lambda_prior: $lambda_prior # lambda, the poison's weight in C's loss, divided by the poison class's share
replicates: $replicates
iterations: 6000
batch_size: 64
discriminator_steps: 1
classifier_steps: 1
sample_from: $sample_from
average_decay: 0.9995
generator:
  noise_features: $noise
  widths: [$wide, $narrow]
  dropout: 0
  batch_norm: true
  $output
  optimizer: {name: adam, learning_rate: 1.0e-3, betas: [0.5, 0.999]}
discriminator:
  widths: [$half, $half]
  dropout: 0.3
  optimizer: {name: sgd, learning_rate: $discriminator_rate, momentum: 0.9}
classifier:
  widths: [$half, $half]
  dropout: 0.3
  optimizer: {name: adam, learning_rate: $classifier_rate, betas: [0.5, 0.999]}"""

# What the parts above and below have for their names, unless a study has other words. Some have names of the data's.
_PARTS = {
    "marks": "{grid: [a, b]} instead of a value makes a dimension of the sweep.",
    "game": "generator G against discriminator D (is it genuine?) and classifier C (is it harmless?)",
    "alpha": "0.1",
    "lambda_prior": "0.9",
    "replicates": "5 # generators; intervals are computed over them",
    "sample_from": "average # poison comes from a moving average of G's weights",
    "discriminator_rate": "1.0e-2",
    "classifier_rate": "4.0e-4",
    "runs": "5",
    "fractions": "[0, 0.1, 0.2, 0.3, 0.4] # of the victim's training points; 0 is the baseline",
    "sizes": "train_per_class: $train # the smaller class has $least training points for these\n"
    "  trusted_per_class: $trusted # and for these, which the detectors know to be genuine",
    "detector": "{name: knn_distance, neighbours: $neighbours, sample_size: $sample, percentile: 0.95}",
}

_OF_PGAN = """\
attack: # pgan: $game
  $pgan

evaluation:
  poison_fractions: $fractions
  runs: $runs # splits and victims per generator and fraction
  $sizes
  $victim
  detector: $detector

"""

_ALPHA = (
    _OF_PGAN
    + """\
profiles:
  quick: # smaller: to see that it works, not to draw conclusions
    attack: {alpha: {grid: [0.1, 0.9]}, replicates: 2, iterations: 1000, average_decay: 0.995}
    evaluation: {poison_fractions: [0, 0.2, 0.4], runs: 2$shorter}
"""
)

_FIELD = """\
attack: # the control `removal` is added automatically: it deletes as many points and puts none in
  grid:
    - name: pgan # $game
      $pgan
    - {name: random_label_flip, replicates: 5} # points of the source class, relabelled
    - {name: nearest_label_flip, replicates: 5} # those nearest to the poison class
    # Points moved to harm the attacker's own classifier, along its gradients; `constrained` stays in slab and sphere.
    - {name: influence, replicates: 5, points: $points, poison_fraction: 0.4, validation_per_class: $validation}
    - {name: constrained, replicates: 5, points: $points, poison_fraction: 0.4, validation_per_class: $validation}

evaluation:
  poison_fractions: [0, 0.2, 0.4] # of the victim's training points; 0 is the baseline
  runs: 3 # splits and victims per generator and fraction
  $sizes
  $victim
  detector: {name: none}
  defence: # each list by itself: what it saves with poison, and what it costs without
    grid:
      - []
      - [$detector]
      - [{name: slab}, {name: sphere}]
      - [{name: label_sanitisation}]
      - [{name: trim, trimmed: 0.2}]

profiles:
  quick: # smaller: to see that it works, not to draw conclusions
    evaluation: {poison_fractions: [0, 0.4], runs: 1$shorter}
"""

_WORST_CASE = (
    """\
search: # trials are judged on points held out of the training split; the best again, with new seeds, on test points
  method: tpe # uses Optuna, from the extra `search`
  trials: 32
  parallel: 2
  goal: worst_case
  harm: damage # more source points taken for the poison class, beyond every control
  poison_fraction: 0.4
  detectability: {metric: excess_rejection, at_most: 0.01} # rejected share of poison minus that of genuine points
  confirm: {top: 3, replicates: 5, runs: 5}

"""
    + _OF_PGAN
    + """\
profiles:
  quick: # smaller: to see that it works, not to draw conclusions
    search: {trials: 6, confirm: {top: 1, replicates: 3, runs: 2}}
    attack: {iterations: 1000, average_decay: 0.995}
    evaluation: {poison_fractions: [0, 0.2, 0.4], runs: 2$shorter}
"""
)

_MLP = """\
victim: # the classifier under attack; or linear_svm, random_forest, knn, my_package.my_module:MyVictim
    name: mlp
    widths: [$wide, $half]
    optimizer: {name: adam, learning_rate: 1.0e-3}
    batch_size: 100
    epochs: 80"""


@dataclass(frozen=True)
class Study:
    """A question that a sweep can ask of any data set. ``title``: one line, to follow the data set's name.

    ``trained``, ``trusted``: the shares of the smaller class's training points that a victim is trained on, and that
    detectors are fitted on. ``judges_on_validation``: whether a part of the training split is held out before.
    """

    title: str
    text: str
    parts: Mapping[str, str] = field(default_factory=dict)
    trained: float = 0.5
    trusted: float = 0.4
    judges_on_validation: bool = False

    def written(self, values: Mapping[str, object], victim: str | None) -> str:
        """The sweep file with ``values`` for its names, and the ``victim`` that is called so; else a perceptron."""
        parts = {**_PARTS, **self.parts}
        if victim is None:
            parts |= {"victim": _MLP, "shorter": ", victim: {epochs: 40}"}
        else:
            parts |= {"victim": "victim: {name: $victim_name} # the classifier under attack", "shorter": ""}
        pgan = Template(_PGAN).safe_substitute(parts)
        before = self.text.partition("$pgan")[0]
        parts["pgan"] = indent(pgan, (len(before) - len(before.rstrip(" "))) * " ").strip()
        text = Template(_HEAD + self.text).safe_substitute(parts)
        return Template(text).substitute(values, victim_name=victim)


STUDIES = {
    "alpha": Study(
        "test error against the poison fraction, by alpha",
        _ALPHA,
        {
            "alpha": "{grid: [0.1, 0.5, 0.9]}",
            "replicates": "5 # generators per alpha; intervals are computed over them",
        },
    ),
    # Points that are flipped, four fifths of a victim's of one class, are neither trained on otherwise nor trusted.
    "field": Study("attacks and defences under the same protocol", _FIELD, trained=0.35, trusted=0.3),
    "worst_case": Study(
        "the most harmful pGAN that the detector misses",
        _WORST_CASE,
        {
            "marks": "{range: [a, b]} and {choice: [a, b]} instead of a value are searched.",
            "alpha": "{range: [0.01, 1.0], log: true}",
            "lambda_prior": "{range: [0.3, 1.0]}",
            "replicates": "2 # generators per trial",
            "runs": "3",
            "sample_from": "{choice: [last, average]} # poison comes from G's last or averaged weights",
            "discriminator_rate": "{range: [1.0e-3, 1.0e-1], log: true}",
            "classifier_rate": "{range: [3.0e-5, 3.0e-3], log: true}",
        },
        judges_on_validation=True,
    ),
}
