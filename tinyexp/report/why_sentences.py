"""The sentences on what carries a gap. What is said is looked up here; nothing is decided here."""

from __future__ import annotations

from collections.abc import Mapping

WHY_HEADINGS: Mapping[str, str] = {
    "leading": "{leader}, the largest share",
    "against": "{movers}, against the gap",
    "some": "{movers}; no share stands clear of all others",
    "none": "No factor can be named: no share stands clear of chance and of {margin}, what is too small to matter",
    "too_small": "Every factor is too small to matter: each share lies within {margin}",
    "contradicted": "No factor can be named: what stands out does not do so when it is switched alone",
    "no_error": "What each factor moved, without an estimate of chance",
    "not_measured": "What carries the difference was not measured",
}
"""What was found about the shares of a gap."""
WHY_LINES: Mapping[str, str] = {
    "leading": "{leader} (95 % interval {low} to {high}), the largest share.",
    "against": "Of the factors between them: {movers}, against the difference.",
    "some": "Of the factors between them: {movers}; no share stands clear of all others.",
    "none": "None of the factors between them has a share that stands clear of chance and of what is too small to matter.",
    "too_small": "Each factor between them is too small to matter: every share lies within {margin}.",
    "contradicted": "None of the factors between them can be named: what stands out does not do so when it is switched alone.",
    "no_error": "What each factor between them moved is below; one seed cannot tell it from chance.",
    "not_measured": "What carries the difference was not measured.",
}
"""The same for the first screen."""

WHY_METHOD = (
    "{count} of {baseline} and {contender} were trained, each factor at either design's setting ({plan}; {runs}, {seeds}). "
    "A factor's share is what switching it from {baseline}'s setting to {contender}'s moved{mean}."
)
PLAN_NAMES: Mapping[str, str] = {
    "full": "the full plan, every combination",
    "fraction": "a fraction of all combinations, in which no factor is mixed up with another or with an interaction of two",
    "one-at-a-time": "one factor at a time, from both designs",
    "as-run": "whatever was trained, as not every mixture of the plan was",
}
SHARE_MEANS: Mapping[str, str] = {
    "full": ", averaged over all orders of switching them (Shapley value)",
    "fraction": ", averaged over the mixtures",
    "one-at-a-time": ", averaged over the two designs as starting points",
    "as-run": ", by least squares, were there no interactions",
}
ERRORS: Mapping[str, str] = {
    "pooled_by_seed": "Intervals are t intervals over the seeds with one spread for all shares, {degrees} degrees of freedom: that all vary alike from seed to seed is not rejected (F test, {equal}). p is adjusted over all factors (Holm).",
    "own_by_seed": "Intervals are t intervals over the seeds, each share with its own spread and {degrees} degrees of freedom{unlike}. p is adjusted over all factors (Holm).",
    "pooled_over_runs": "Intervals rest on the spread of one run, estimated from all runs together with {degrees} degrees of freedom. p is adjusted over all factors (Holm).",
    "none": "One seed alone gives no estimate of chance, so there are no intervals. {fewest} seeds would give some.",
}
UNLIKE = ": one varies more from seed to seed than the others (F test, {equal})"
BUDGET = "The comparison may be wrong by chance in 5 % of cases, its shares together in 5 % and its claims together in 5 %. Other studies stand beside it, each with its own."
UNCONFIRMED_SHARES = "With {bare_seeds} the sign-flip test cannot confirm any share: adjusted over {factors} its p is {floor} at best. {needed} seeds could."
PARTLY = "Left out, because not every mixture finished with it: seed {seeds}."
INACTIVE = "No factor here, as the two do not differ in it under the readings taken: {names}."

SHARE_VERDICTS: Mapping[str, str] = {
    "moves": "moves it",
    "too_small": "too small to matter",
    "not_clear": "not clear",
    "contradicted": "not so when switched alone",
    "no_error": "",
}
"""What is said of a share, in a cell."""
SHARE_CONFIRMED: Mapping[str, str] = {
    "confirmed": ", alone too",
    "contradicted": "",
    "not_trained": ", not yet trained alone",
    "not_needed": "",
}
CONFIRMATIONS: Mapping[str, str] = {
    "confirmed": "{factor}: switched alone it moved {near} from {baseline} and {far} from {contender}; that agrees with its share within the error ({p}).",
    "contradicted": (
        "{factor}: its share of {share} is not called its own. Switched alone it moved {near} from {baseline} and {far} from {contender}, "
        "beyond the error of that share ({p}). An interaction stands in for it{hidden}."
    ),
    "not_trained": "{factors}: not yet trained alone, so an interaction{of_three} may stand in for it. Two more mixtures a factor would tell:",
}
CONFIRMED_LINE = "Not yet trained alone: {factors}; an interaction{of_three} may stand in for it."
STANDS_IN = ": {groups}"

PLACEBO = "{factor} is a placebo, which cannot matter: that it moved {moved} shows the size of nothing here."
PLACEBO_MOVES = "Something is wrong: {factor} is a placebo, which cannot matter, and yet its share of {moved} stands clear of chance and of the margin. Until that is explained no share here is to be trusted."

AS_RUN_LACKS = "Not every mixture of the plan has a finished run; missing: {names}. With all of them the shares would be clear of interactions of two."
INSEPARABLE: Mapping[bool, str] = {
    True: "{factors} cannot be told apart by these runs; together they moved {moved}.",
    False: "{factors} cannot be told by these runs: they were never switched, or never apart from one another.",
}
"""Whether the runs tell what they moved together."""

LACK_OF_FIT: Mapping[str, str] = {
    "flagged": "Three or more factors interact, beyond what shares and pairs can tell: {groups}. Take the shares as means over the mixtures, and look at the pairs.",
    "not_seen": "",
    "cannot_tell": "Whether three or more factors interact cannot be told from these mixtures; the full plan could.",
}
HIDDEN = "What this plan cannot tell from a factor's share: interactions of three factors"
TOGETHER = "Pairs that stand in one row cannot be told apart by this plan."
LOG_ODDS = "The shares in log-odds, where a ceiling of the accuracy bends nothing"
NOT_CAUSES = "A share says what was switched and what moved, with these data at this scale. It is not a cause, and shares whose intervals overlap are in no order."
