"""The closed lists of sentences. A verdict is looked up here; nothing is decided here."""

from __future__ import annotations

from collections.abc import Mapping

from tinyexp.analysis import verdict_sentences as comparison

VERDICTS: Mapping[str, tuple[str, str, str]] = {
    **comparison.VERDICTS,
    "not_comparable": ("{contender} and {baseline} cannot be compared", "", ""),
    "missing": ("{contender} and {baseline} cannot be compared yet", "", ""),
    "no_study": ("These runs belong to no comparison", "", ""),
    "nothing_finished": ("No run has finished yet", "", ""),
}
"""The report's first sentence: before the number, the number, after it."""

DETAILS: Mapping[str, str] = {
    **comparison.DETAILS,
    "not_comparable": "{problem}",
    "missing": "{missing} {has} no finished run in profile {profile}.",
    "no_study": "{trained} finished, and no study names two experiments among them.",
    "nothing_but_diverged": "{runs} recorded in profile {profile}; none has finished. What diverged would do so again under the same settings. To train with a smaller learning rate: {command}",
    "nothing_finished": "{runs} recorded in profile {profile}; none has finished. To go on: {command}",
}
"""How sure, from how much."""

INTERVALS: Mapping[str, str] = {
    "none": "Welch's {level} t interval over independent runs",
    "seed": "the paired {level} t interval over seeds",
}
"""What the verdict rests on, by whether runs of one seed belong together."""

TO_TRAIN = "To train what is missing: {command}"
MORE_SEEDS = "To train more seeds than these: {command}"

CHANGED = "The study was changed after its first run had started ({keys}). So its verdict was not planned beforehand and may be wrong more often."

LOOKS: Mapping[str, str] = {
    "before": "The study looks at its results at {looks} runs of each, and not before.",
    "next": "The study looks at its results at {looks} runs of each; this is look {number} of {of}. Each look spends a part of the 5\u00a0% risk of error: this one {error}, hence the {level} interval. The next look is at {next}.",
    "last": "The study looks at its results at {looks} runs of each; this is the last look. Each look spends a part of the 5\u00a0% risk of error: this one {error}, hence the {level} interval.",
}
LATER: Mapping[str, str] = {
    "next": "{design}: {runs} not counted before the next look.",
    "last": "{design}: {runs} beyond the last look, so not part of the verdict.",
}
LEFT_OUT = "Left out, because only one of the two finished with it: seed {seeds}."
MARGIN = " and a margin of {margin}"
NO_MARGIN = "; nothing says what is too small to matter, so any difference counts"
TESTS = "The verdict rests on {interval}{margin}. As a check, the {test} gives {p}; with {runs} the lowest p it can give is {floor}."
TESTS_TOO_FEW = "So few runs get no verdict, whatever they show. The interval is {interval}. As a check, the {test} gives {p}; with {runs} the lowest p it can give is {floor}."
TESTS_ONE_RUN = "One run of a design gives no interval and no test over runs."

READ_SAMPLES = (
    "In the first picture each dot is a run and the stroke is the mean. In the second the diamond is the difference of the two means, "
    "{first} minus {second}. The bar through the diamond is its {level} interval."
)
READ_PAIRS = (
    "Each row is a seed. In the first picture the filled mark is {baseline} and the ring {contender} with that seed. "
    "The second shows the differences, {first} minus {second}, and the diamond is their mean. The bar through the diamond is its {level} interval."
)
READ_STRIP = " Differences in the grey strip are too small to matter."
"""Where there is a margin."""
DRAWN_SOME = " The picture shows {drawn} of the {of} runs, evenly spaced by size, with the smallest and the largest; mean and interval are of all, and the table has all."

SELECTED_ON_TEST = "The {index} of each run was chosen by its test result, so the figures are better than they would be on new data."

COMPARISON_HEADINGS: Mapping[str, str] = {
    "beats": "{winner} is ahead in {ahead}",
    "within_margin": "{contender} and {baseline} stay within {margin} of each other",
    "no_difference_detected": "{runs} do not separate the designs",
    "lost_runs": "The runs that finished cannot decide between {contender} and {baseline}",
    "too_few_seeds": "{runs} cannot yet separate {contender} from {baseline}",
}

CLAIM_VERDICTS: Mapping[str, str] = {
    "supported": "Supported",
    "as_predicted_here": "As predicted here",
    "refuted": "Refuted",
    "not_as_predicted_here": "Not as predicted here",
    "below_margin": "In the predicted direction but too small to matter",
    "inconclusive": "Inconclusive",
    "undecided_here": "Undecided here",
    "not_tested": "Not tested",
}
CLAIM_REASONS: Mapping[str, str] = {
    "prediction_holds": "{predicted}, and the whole interval agrees.",
    "prediction_fails": "{predicted}; {ends}.",
    "works_against": "{predicted}, but the whole interval lies on the other side of zero.",
    "too_small": "The whole interval lies between zero and {threshold}: as predicted in direction, too small to matter.",
    "size_open": "The direction is as predicted; whether the size exceeds {size} is open.",
    "direction_open": "{predicted}; {ends}. The direction is open, and in the predicted one the effect is too small to matter.",
    "interval_too_wide": "{predicted}; the interval allows both more and less.",
    "step_against": "A step clearly goes the other way: its whole interval does.",
    "step_open": "Not every step is clear of zero.",
    "too_few_seeds": "{seeds} {are} too few; a verdict needs {fewest}.",
    "lost_runs": "The runs that finished would settle it, but those without a result could reverse it.",
    "no_error_estimate": "Without an estimate of chance nothing is decided; {fewest} seeds would give one.",
    "only_before_adjustment": "Tested alone it would hold, but not once all that are tested together share the 5\u00a0% risk (Holm).",
    "contradicted_alone": "Switched alone it does not do what its share says: an interaction of three or more factors stands in for it.",
    "nothing_to_explain": "The contender is behind, so there is no lead to explain.",
    "gap_not_clear": "The gap itself is not clearly beyond the margin, so no factor can be said to carry most of it.",
    "runs_missing": "An experiment it needs has no finished run.",
    "attribution_missing": "The mixtures it needs have not been trained.",
    "no_difference": "Under the interpretation taken here the two designs do not differ in it.",
    "runs_unusable": "{problem}",
    "fact_missing": "The model does not show it.",
}
CLAIM_PREDICTED: Mapping[str, str] = {
    "most": "More than half of the gap was predicted",
    "size": "A {way} of more than {size} was predicted",
    "way": "A {way} was predicted",
}
CLAIM_STEPS = "Step by step: {steps}."
CLAIM_STEP = "from {first} to {second} {estimate}{interval}"
CLAIMS_TOGETHER = (
    "These verdicts share a 5\u00a0% risk of error: with {tested} under test, chance produces any false one in at most one case of twenty (Holm's procedure). "
    "Each interval is the claim's own, at 95\u00a0%; the intervals of a sweep's steps hold together."
)
CLAIMS_HERE = (
    "These runs depart from the source in data, size or length. So a verdict says what came out here, not whether the source is right. "
    "What follows from the text or the model alone holds at any scale."
)
"""Beside verdicts that end in "here"."""
CLAIM_DECIDES = "About {enough} seeds should settle it if mean and spread hold."
CLAIM_EVIDENCE: Mapping[str, str] = {
    "share": "{switching} changes the {metric} by {estimate}{interval}.",
    "share_minus_half_gap": "The share of {factor} minus half of the gap is {estimate}{interval}.",
    "difference": "{second} minus {first} is {estimate} in {metric}{interval}.",
    "change_along": "Along {experiments} the {metric} changes by {estimate}{interval}.",
    "fact": "{fact}.",
    "none": "",
}

STOPPED_WATCHES: Mapping[str, str] = {
    "all": "These runs go by the {metric}, which is taken after each epoch on {images} that are held out.",
    "some": "Those of {titles} go by the {metric}, on {images} that are held out.",
    "not_test": "No test image takes part in when a run stops or its rates move.",
    "early": "Where others are compared after their last {index}, a run that may stop early is compared after the {index} taken, the first at which what it goes by was best. "
    "Mean curves go on past it, up to where the first of an experiment's runs ends.",
}
"""Before the tables of runs whose course goes by held-out images."""
STOPPED_WHY: Mapping[str, str] = {
    "stopped": "Stopped after epoch\u00a0{done}: {more} brought nothing better than epoch\u00a0{taken}.",
    "last": "Trained to the end: the last epoch was the best.",
    "ended": "Trained to the end: {more} brought nothing better than epoch\u00a0{taken}, too few to stop.",
}
STOPPED_COUNTS = "Runs of {titles} count with the epoch taken."

REPRODUCTIONS: Mapping[str, str] = {
    "reproduced": "Reproduced: the reported figure lies where one more run would, and our mean is within {tolerance} of it.",
    "differs": "Differs: the reported figure lies outside of where one more run would, and our mean is not within {tolerance} of it.",
    "cannot_tell": "Cannot tell yet: {why}.",
    "not_comparable": "Not comparable: {reasons} from the source in data, size or length.",
    "nothing_reported": "The source reports no figure.",
}
UNTOLD: Mapping[str, str] = {
    "few": "{runs} {are} too few; a verdict needs {fewest}",
    "equal": "the runs are all equal, so they do not show where one more would lie; it takes {needed} runs",
    "near": "our mean is within {tolerance} of the reported figure, which yet lies outside of where one more run would",
    "wide": "our mean is not within {tolerance} of the reported figure, which yet lies where one more run may",
}
"""Why it cannot be told whether a figure is reproduced."""
NOTHING_MEASURED = "No finished run."

STATES: Mapping[str, str] = {
    "finished": "finished",
    "running": "was still running",
    "interrupted": "was interrupted",
    "failed": "failed",
    "diverged": "diverged: its loss became infinite or not a number",
}
NETWORKS = (
    "One seed compares the two trained networks, image by image, and not the designs: another seed may reverse it. "
    "Of {images} {contender} alone gets {only_contender} right and {baseline} alone {only_baseline}; "
    "the exact McNemar test gives {p}, and the 95\u00a0% interval of the difference over draws of test images is {low} to {high}."
)

ACROSS_IMAGES = (
    "The verdict's interval covers new seeds on these {images}. For new images of the same kind as well, "
    "the 95\u00a0% interval of {first} minus {second} is {low} to {high}: the standard error is {seeds} from seeds and {drawn} from images."
)
"""Which claim the second interval of a comparison covers."""

METHOD_HEADING = "Method and limits: compared over seeds, {where}"
METHOD = (
    "A difference is that of the two means over all runs of each design, with Welch's t interval. Runs are paired by seed only where a study says so.",
    (
        "The interval covers 95\u00a0%, or the level of a study's look. Where one design has fewer runs, the degrees of freedom are limited, so that few runs do not count as many. "
        "A design beats another when the whole interval lies beyond the margin that the study sets."
    ),
    "A permutation test stands beside it because it assumes least; for pairs it is the sign-flip test. The lowest p that a permutation test can give is 0.1 with 3 runs of each and 0.03 with 4.",
)
METHOD_LAST = "Every figure is taken after the last {index}. No {index} was chosen by its test result."
METHOD_TAKEN = "Every figure is taken after the last {index}, and of a run that may stop early after the {index} that held-out images chose. No {index} was chosen by its test result."
METHOD_ELSEWHERE = "{study}: figures are taken {where}{chosen}."
CHOSEN: Mapping[bool, str] = {
    True: ", which was chosen by its test result: they are better than they would be on new data",
    False: "",
}
"""Whether an epoch was chosen by its test result."""
METHOD_CLEAN = (
    "Training loss and accuracy are taken on augmented images with dropout on, averaged over the epoch.",
    "Clean training accuracy is measured after the epoch, without dropout, on training images that went through the test transform.",
)
"""Of runs that measure both."""
METHOD_UNTYPED = "Left out of the curves, because nothing says whether higher or lower is better: {names}. A table [metrics.NAME] in a study or an experiment can say it."
LIMITS = (
    "Seeds show what another seed would change, not what other data, settings or code would.",
    "A seed repeats to the last bit only on one type of machine. On another the last bits differ, and training can amplify that: there the same seed is like a new one.",
    "Where two designs differ in several settings and no mixtures were trained, the difference belongs to all of these settings together.",
)
SINGLE_RUN = (
    "The source reports one run of each experiment. So its figure is compared with where one more run of ours would lie: the 95\u00a0% prediction interval, "
    "which misses an exact reproduction in one case of twenty."
)
NOT_BIT_IDENTICAL = (
    "was resumed in another environment than it began in, so it is not bit-identical to an uninterrupted run."
)
PINNED = "trained by a command with exactly these files: {files}. What else it read is not recorded."
NOT_PINNED = (
    "trained by a command whose code was not pinned, so nothing shows that all runs used the same code."
)
LOGS_LEAD = (
    "Nothing here trained these runs: their numbers were read from logs ({logs}), as they stand in them. The digests of all files "
    "that were read are in each run's record; whether the logs are true they cannot show."
)
LOG_SAYS_NOTHING: Mapping[str, str] = {
    "seed": "The seed of {runs} is not known, so these runs are numbered. Nothing shows that each is a separate training.",
    "settings": "The settings of {runs} are not known, so neither is what sets their design apart.",
    "epochs": "How many epochs {runs} took is not known, so the rows go by steps.",
    "whether the run came to its end": "The log of {runs} does not say whether the run was complete: a run that ends where the others do counts as complete.",
    "code": "The code, data and machine of {runs} are in no log.",
}
"""By what is not known."""
IMPORTED = "read from logs; what it was trained on they do not say."
IMPORTED_HEAD = "{runs} read from logs that another trainer wrote; below is where they come from and what is not known about them."
SEEDS_UNKNOWN = "That the runs are separate trainings: their logs do not say which seeds they used."
MORE_RUNS = "{runs} do not settle it. To settle it, train more where these were trained and import their logs together with these."
SEVERAL_MACHINES = "The runs were trained on {types} of machine, whose last bits differ; the table of machines and packages lists them."
UNLIKE_MACHINES = "That the designs alone make the difference: their runs were trained on different types of machine, whose last bits differ."

CITATION = (
    "To cite this report: \u201c{verdict}\u201d, tinyexp report of {runs}, profile {profile}, records {digest}. "
    "The digest is the SHA-256 of the list of the runs with the SHA-256 of each of their records. "
    "{command} also prints the SHA-256 of the whole report: kept elsewhere, it shows whether anything in it was changed."
)

VERDICT_NAMES: Mapping[str, str] = {
    "beats": "{winner} beats the other",
    "within_margin": "equal within the margin",
    "no_difference_detected": "too close to call",
    "too_few_seeds": "too few seeds",
    "not_comparable": "cannot be compared",
    "missing": "not trained",
}
"""A verdict in a cell."""
NEW_VERDICT, GONE_VERDICT = "not there", "no longer there"

SINCE_HEADINGS: Mapping[str, str] = {
    "other_profile": "What changed since the baseline cannot be told: it is of another profile",
    "same_runs": "What changed since the baseline: nothing, these are the same runs",
    "nothing": "What changed since the baseline: no verdict, and no {one} beyond chance",
    "partly": "What changed since the baseline: no verdict, and as far as can be told no {one} beyond chance",
    "cannot_tell": "What changed since the baseline: no verdict; too little is known about the {many}",
    "changed": "What changed since the baseline: {what}",
}
OTHER_PROFILE = (
    "The baseline is of profile {before} and this report of profile {here}: other data at another scale. Nothing is compared. "
    "Give a baseline of profile {here}."
)
BASELINE = (
    "The baseline said: {verdict}. It is the report whose report.json has the SHA-256 {digest}\u2026, made with {made}; "
    "baseline.json beside this page is that file."
)
BASELINE_RUNS = (
    "{same} of {runs} here have the identity of a run of the baseline: the same experiment, seed, data and numerics. "
    "{new} new, and {gone} not here."
)
UNEQUAL = (
    "{runs} of them did not repeat: the metrics are not the baseline's. "
    "Another machine type, another version of a library, or a change of the code that did not raise the numerics version can be why: {names}."
)
SINCE_VERDICTS: Mapping[str, str] = {
    "rose": "rose",
    "fell": "fell",
    "within_noise": "no clear change",
    "equal": "equal",
    "cannot_tell": "cannot tell: {reason}",
}
SINCE_REASONS: Mapping[str, str] = {
    "no_shared_seed": "no seed in common",
    "too_few_seeds": "{seeds} in common, and {fewest} are the fewest",
    "no_spread": "the same change with each of {seeds}, so no spread",
    "not_in_baseline": "not in the baseline",
    "not_here": "no finished run here",
    "not_recorded": "the baseline does not hold it",
    "other_data": "other images then",
    "other_question": "another question then",
    "not_compared_then": "not compared then",
    "not_compared_here": "not compared here",
}
SINCE_RULE = (
    "A change is the figure here minus the baseline's, seed by seed, after the last {index}, over the seeds that both have. No clear change means that its "
    "paired 95\u00a0% t interval contains zero; rose and fell, that the interval lies wholly on one side of zero; equal, that nothing changed with any seed. Each row is judged by "
    "itself: of twenty that did not really change, about one is said to have."
)
SINCE_NOISE = "A verdict may change although nothing did: near the edge of a margin chance is enough. The rows below say whether the figures moved."

GATES: Mapping[str, str] = {
    "claim_refuted": "not refuted, nor otherwise than predicted here",
    "verdict_changed": "the baseline's verdicts",
    "accuracy_below": "{bound} or more",
    "worse_than": "{bound} or less",
    "run_missing": "every run of the study finished",
}
"""What each gate of a study's ``fail_on`` requires."""
GATE_NAMES: Mapping[str, str] = {
    "claim_refuted": "Claim",
    "verdict_changed": "Verdicts since the baseline",
    "accuracy_below": "{metric}",
    "worse_than": "{metric}",
    "run_missing": "Runs",
}
