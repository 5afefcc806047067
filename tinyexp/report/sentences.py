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
    "nothing_finished": "{runs} recorded in profile {profile}; none has finished. To go on: {command}",
}
"""How sure, from how much."""

INTERVALS: Mapping[str, str] = {
    "none": "Welch's {level} t interval over independent runs",
    "seed": "the paired {level} t interval over seeds",
}
"""What the verdict rests on, by whether runs of one seed belong together."""

TO_TRAIN = "To train what is missing: {command}"
MORE_SEEDS = "More seeds, for what is not settled with {runs}: {command}"

CHANGED = "The study was changed after its first run had started ({keys}): what it says was not decided beforehand, and may be wrong more often."

LOOKS: Mapping[str, str] = {
    "before": "The study is looked at with {looks} runs of each, and not before.",
    "next": "This is look {number} of {of}, at {runs} runs of each (looks at {looks}). It may be wrong in {error} of cases and its interval covers {level}, so that all looks together keep within 5 %. The next is at {next}.",
    "last": "This is the last of {of} looks, at {runs} runs of each (looks at {looks}). It may be wrong in {error} of cases and its interval covers {level}, so that all looks together keep within 5 %.",
}
LATER: Mapping[str, str] = {
    "next": "{design}: {runs} not counted before the next look.",
    "last": "{design}: {runs} beyond the last look, and so no part of the verdict.",
}
LEFT_OUT = "Left out, because only one of the two finished with it: seed {seeds}."
TESTS = "Verdict by {interval} against a margin of {margin}; beside it the {test}: {p}, at best {floor} with {runs}."
TESTS_TOO_FEW = "No verdict is given on so few runs, whatever they show; {interval}; beside it the {test}: {p}, at best {floor} with {runs}."
TESTS_ONE_RUN = "One run gives no interval over runs and no test over runs."

READ_SAMPLES = (
    "In the first picture each dot is a run, and the stroke is the mean. In the second the diamond is what lies between the two means: "
    "{contender} minus {baseline}. The bar through the diamond is its {level} interval. Differences in the grey strip are too small to matter."
)
READ_PAIRS = (
    "Each row is a seed. In the first picture the filled mark is {baseline} and the ring {contender} with that seed. "
    "In the second is what lies between them: {contender} minus {baseline}. The bar through the diamond is its {level} interval. "
    "Differences in the grey strip are too small to matter."
)
DRAWN_SOME = " Drawn are {drawn} of the {of} runs, evenly spaced by size, the smallest and the largest among them; mean and interval are of all, and the table has all."

SELECTED_ON_TEST = "The {index} of each run was chosen by its test result, so the figures are better than they would be on new data."

COMPARISON_HEADINGS: Mapping[str, str] = {
    "beats": "{winner} is ahead in {ahead}",
    "within_margin": "{contender} and {baseline} stay within {margin} of each other",
    "no_difference_detected": "The runs do not tell {contender} from {baseline}",
    "lost_runs": "The runs that finished cannot decide between {contender} and {baseline}",
    "too_few_seeds": "{runs} cannot tell {contender} from {baseline}",
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
    "prediction_holds": "All of the interval lies beyond {threshold}, as predicted.",
    "prediction_fails": "No part of the interval lies in the predicted direction.",
    "works_against": "The whole of it works the other way.",
    "too_small": "All of the interval lies between zero and {threshold}, so it is too small to matter.",
    "size_open": "It goes as predicted, but the interval reaches across {threshold}.",
    "direction_open": "No part of the interval lies beyond {threshold}, so if it goes as predicted at all it is too small to matter; the interval reaches across zero.",
    "interval_too_wide": "The interval reaches across {threshold}.",
    "step_against": "A step goes the other way, and its interval is clear of zero.",
    "step_open": "Not every step is clear of zero.",
    "too_few_seeds": "{seeds} are too few; a verdict takes {fewest}.",
    "lost_runs": "By the runs that finished it is decided; those that gave no result could turn it, so it is not.",
    "no_error_estimate": "Without an estimate of chance nothing is decided; {fewest} seeds would give one.",
    "only_before_adjustment": "It stands only by itself, not once all that are tested together share the 5 %.",
    "contradicted_alone": "Switched alone it does not do what its share says: an interaction of three or more factors stands in for it.",
    "nothing_to_explain": "The contender is behind, so there is no lead to explain.",
    "gap_not_clear": "The gap itself is not clear of the margin, so no share of it can be called most of it.",
    "runs_missing": "An experiment that it takes has no finished run.",
    "attribution_missing": "The mixtures that would tell have not been trained.",
    "no_difference": "The two designs do not differ in it, as the source is read here.",
    "runs_unusable": "{problem}",
    "fact_missing": "The model does not show it.",
    "not_planned": "No run is planned for it.",
}
CLAIM_STEPS = "Step by step: {steps}."
CLAIM_STEP = "from {first} to {second} {estimate}{interval}"
CLAIMS_TOGETHER = (
    "These verdicts share an error of 5 %: with {tested} under test, in at most one case of twenty is any of them given by chance (Holm's procedure). "
    "Intervals are each claim's own, at 95 %; those of the steps of a sweep hold together."
)
CLAIMS_HERE = (
    "These runs depart from the source in data, size or length, so they are no evidence on what it claims: the words say what came out here, "
    "not that the source is right or wrong. What is read off the text or the model alone holds at any scale."
)
"""Beside verdicts that end in "here"."""
CLAIM_DECIDES = "About {enough} seeds would decide, were mean and spread as they are here."
CLAIM_EVIDENCE: Mapping[str, str] = {
    "share": "{factor}: switching it moves the {metric} by {estimate}{interval}.",
    "share_minus_half_gap": "{factor}: its share minus half of the gap is {estimate}{interval}.",
    "difference": "{second} minus {first} is {estimate} in {metric}{interval}.",
    "change_along": "Along {experiments} the {metric} changes by {estimate}{interval}.",
    "fact": "{fact}.",
    "none": "",
}

REPRODUCTIONS: Mapping[str, str] = {
    "reproduced": "Reproduced: the reported figure lies where one more run would, and our mean is within {tolerance} of it.",
    "differs": "Differs: the reported figure lies outside of where one more run would, and our mean is not within {tolerance} of it.",
    "cannot_tell": "Cannot tell yet: {why}.",
    "not_comparable": "Not comparable: {reasons} here from the source in data, size or length.",
    "nothing_reported": "The source reports no figure.",
}
UNTOLD: Mapping[str, str] = {
    "few": "{runs} are too few; a verdict takes {fewest}",
    "equal": "equal figures say nothing of where one more run would lie; {needed} of them would differ",
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
    "With one seed the two trained networks can be compared, image by image, but not the designs: another seed may turn it round. "
    "Of {images} {contender} alone gets {only_contender} right and {baseline} alone {only_baseline}; "
    "the exact McNemar test gives {p}, and the 95 % interval of the difference over draws of test images is {low} to {high}."
)

ACROSS_IMAGES = (
    "For new test images of the same kind as well as new seeds the 95 % interval is {low} to {high}: seeds and the {images} are both taken as drawn at random. "
    "The interval of the verdict takes these test images as given; the standard error is {seeds} over seeds, and the draw of images adds one of {drawn}."
)
"""Which claim the second interval of a comparison covers."""

METHOD_HEADING = "Compared over seeds, {where}: this shows what another seed would change, and no more"
METHOD = (
    "A difference is that of two means, each over all runs of a design, with Welch's t interval; runs are paired by seed only where a study says so.",
    (
        "The interval covers 95 %, or what the look leaves that a study takes; where one design has fewer runs, its degrees of freedom are bounded, so that few runs are not taken for many. "
        "The verdict is read off it: a design beats another when the whole interval lies beyond the margin that the study sets."
    ),
    "A permutation test stands beside it because it assumes least; of pairs it is the sign-flip test. With 3 runs of each a permutation's p is 0.1 at best, with 4 it is 0.03.",
)
METHOD_LAST = "Every figure is taken after the last {index}. No {index} was chosen by its test result."
METHOD_ELSEWHERE = "{study}: figures are taken {where}{chosen}."
CHOSEN: Mapping[bool, str] = {
    True: ", which was chosen by its test result: they are better than they would be on new data",
    False: "",
}
"""Whether an epoch was chosen by its test result."""
METHOD_CLEAN = (
    "Training loss and accuracy are measured as the source does: on augmented images, with dropout on, averaged over the epoch.",
    "Clean training accuracy is measured after the epoch, without dropout, on training images that went through the test transform.",
)
"""Of runs that measure both."""
METHOD_UNTYPED = "Left out of the curves, as nobody says whether higher or lower is better: {names}. A table [metrics.NAME] of a study or an experiment can say it."
LIMITS = (
    "Seeds show what another seed would change. They show nothing about other data, other settings or other code.",
    "A seed repeats to the last bit on one type of machine alone. On another the last bits differ, and a training can make much of them: there the same seed is as good as another one.",
    "Where two designs differ in several settings and no mixtures of them were trained, the difference belongs to all of the settings together.",
)
SINGLE_RUN = (
    "The source reports one run of each experiment. So its figure is held against where one more run of ours would lie: the 95 % prediction interval, "
    "outside of which an exact reproduction lies in one case of twenty."
)
NOT_BIT_IDENTICAL = "went on in another environment than it began in: not bit-identical to an untouched run."
PINNED = (
    "trained by a command; a run is one of these very files: {files}. What else it read is its own matter."
)
NOT_PINNED = (
    "trained by a command whose code was not pinned: nothing says that all runs were trained by the same."
)
LOGS_LEAD = (
    "Nothing here trained these runs: their numbers were read from logs ({logs}), as they stand in them. The digests of all files "
    "that were read are in each run's record; whether the logs are true nobody can see in them."
)
LOG_SAYS_NOTHING: Mapping[str, str] = {
    "seed": "The seed of {runs} is not known: such runs are numbered. Whether they are trainings of their own, nothing says.",
    "settings": "The settings of {runs} are not known, and so not what their design differs in.",
    "epochs": "How many epochs were done is not known of {runs}: the rows stand by steps.",
    "whether the run came to its end": "Whether it came to its end the log of {runs} does not say: a run that ends where its fellows do counts as whole.",
    "code": "With which code, data and machine they were trained is in no log ({runs}).",
}
"""By what is not known."""
IMPORTED = "read from logs; what it was trained on they do not say."
IMPORTED_HEAD = "{runs} read from logs that another trainer wrote; where they come from and what is not known of them stands below."
SEEDS_UNKNOWN = (
    "that the runs are trainings of their own: their logs do not say under which seeds they were trained."
)
MORE_RUNS = "{runs} do not settle it. To settle it, train more where these were trained, and read their logs with these."
SEVERAL_MACHINES = "The runs were trained on {types} of machine, whose last bits differ; the table of machines and packages lists them."
UNLIKE_MACHINES = "that the designs alone make the difference: their runs were trained on different types of machine, whose last bits differ."

VERDICT_NAMES: Mapping[str, str] = {
    "beats": "{winner} beats the other",
    "within_margin": "equal within the margin",
    "no_difference_detected": "no difference detected",
    "too_few_seeds": "too few seeds",
    "not_comparable": "cannot be compared",
    "missing": "not trained",
}
"""A verdict in a cell."""
NEW_VERDICT, GONE_VERDICT = "not there", "no longer there"

SINCE_HEADINGS: Mapping[str, str] = {
    "other_profile": "What changed since the baseline cannot be told: it is of another profile",
    "same_runs": "What changed since the baseline: nothing, these are the same runs",
    "nothing": "What changed since the baseline: no verdict, and no {one} beyond noise",
    "partly": "What changed since the baseline: no verdict, and no {one} beyond noise as far as can be told",
    "cannot_tell": "What changed since the baseline: no verdict; of the {many} too little is known",
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
    "within_noise": "within noise",
    "equal": "equal",
    "cannot_tell": "cannot tell: {reason}",
}
SINCE_REASONS: Mapping[str, str] = {
    "no_shared_seed": "no seed in common",
    "too_few_seeds": "{seeds} in common, and {fewest} are the fewest",
    "no_spread": "the same change with each of {seeds}, which show no spread",
    "not_in_baseline": "not in the baseline",
    "not_here": "no finished run here",
    "not_recorded": "the baseline does not hold it",
    "other_data": "other images then",
    "other_question": "another question then",
    "not_compared_then": "not compared then",
    "not_compared_here": "not compared here",
}
SINCE_RULE = (
    "A change is the figure here minus the baseline's, seed by seed, after the last {index}, over the seeds that both have. Within noise means that its "
    "paired 95 % t interval contains zero; rose and fell, that the interval lies wholly on one side of zero; equal, that nothing changed with any seed. Each row is judged by "
    "itself: of twenty that did not really change about one is said to have."
)
SINCE_NOISE = "A verdict may change although nothing did: near the edge of a margin noise is enough. The rows below say whether the figures moved."

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
