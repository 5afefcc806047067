"""The sentences on what carries a gap. What is said is looked up here; nothing is decided here."""

from __future__ import annotations

from collections.abc import Mapping

WHY_HEADINGS: Mapping[str, str] = {
    "leading": "{leader}, the largest share",
    "against": "{movers}, against the gap",
    "some": "{movers}; no share is clearly larger than all others",
    "none": "No factor stands out: no share is clearly larger than {margin}, the smallest change that matters here",
    "too_small": "Every factor is too small to matter: each share lies within {margin}",
    "contradicted": "No factor can be named: the one that stands out does not do so when switched alone",
    "no_error": "What each factor changed, without an estimate of chance",
    "not_measured": "What carries the difference was not measured",
}
"""What was found about the shares of a gap."""
WHY_LINES: Mapping[str, str] = {
    "leading": "{leader} (95\u00a0% interval {low} to {high}), the largest share.",
    "against": "Of the factors between the two, {movers}, against the difference.",
    "some": "Of the factors between the two, {movers}; no share is clearly larger than all others.",
    "none": "No factor between the two stands out: no share is clearly larger than {margin}, the smallest change that matters here.",
    "too_small": "Each factor between the two is too small to matter: every share lies within {margin}.",
    "contradicted": "No factor between the two can be named: the one that stands out does not do so when switched alone.",
    "no_error": "What each factor between the two changed is below; one seed cannot tell it from chance.",
    "not_measured": "What carries the difference was not measured.",
}
"""The same for the first screen."""

WHY_METHOD = (
    "{count} of {baseline} and {contender} were trained, each factor at either design's setting ({plan}; {runs}, {seeds}). "
    "A factor's share is the change when it is switched from {baseline}'s setting to {contender}'s{mean}."
)
PLAN_NAMES: Mapping[str, str] = {
    "full": "the full plan, every combination",
    "fraction": "a fraction of all combinations that keeps each factor apart from the others and from interactions of two",
    "one-at-a-time": "one factor at a time, from both designs",
    "as-run": "what was trained, since not every mixture of the plan was",
}
SHARE_MEANS: Mapping[str, str] = {
    "full": ", averaged over all orders of switching them (Shapley value)",
    "fraction": ", averaged over the mixtures",
    "one-at-a-time": ", averaged over the two designs as starting points",
    "as-run": ", by least squares, assuming no interactions",
}
ERRORS: Mapping[str, str] = {
    "pooled_by_seed": "Intervals are t intervals over the seeds. All shares use one spread ({degrees} degrees of freedom), since an F test does not show that their spreads differ ({equal}). p is adjusted over all factors (Holm).",
    "own_by_seed": "Intervals are t intervals over the seeds, each share with its own spread and {degrees} degrees of freedom{unlike}. p is adjusted over all factors (Holm).",
    "pooled_over_runs": "Intervals rest on the spread of one run, estimated from all runs together with {degrees} degrees of freedom. p is adjusted over all factors (Holm).",
    "none": "One seed gives no estimate of chance, so there are no intervals. {fewest} seeds would give some.",
}
UNLIKE = ": one varies more from seed to seed than the others (F test, {equal})"
BUDGET = "The comparison may be wrong by chance in 5\u00a0% of cases, its shares together in 5\u00a0% and its claims together in 5\u00a0%. Each other study on this page has a risk of its own."
UNCONFIRMED_SHARES = "With {bare_seeds} the sign-flip test cannot confirm any share: adjusted over {factors} its p is {floor} at best. {needed} seeds could."
PARTLY = "Left out, because not every mixture finished with it: seed {seeds}."
ROUNDED_SHARES = (
    "The rows add up to the measured gap before they are rounded; as they are shown, the last digit may not."
)
INACTIVE = (
    "Not a factor here, because the two designs do not differ in it under the interpretations taken: {names}."
)

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
    "not_trained": "{factors}: not yet trained alone, so an interaction{of_three} may stand in for it. Two more mixtures for each factor would show it:",
}
CONFIRMED_LINE = "Not yet trained alone: {factors}, so an interaction{of_three} may stand in for it."
STANDS_IN = ": {groups}"

PLACEBO = "{factor} is a placebo, which cannot matter: its {moved} shows how large chance alone gets here."
PLACEBO_MOVES = "Something is wrong: {factor} is a placebo, which cannot matter, and yet its share of {moved} stands clear of chance and of the margin. Until that is explained, trust no share here."

AS_RUN_LACKS = "Not every mixture of the plan has a finished run; missing: {names}. With all of them the shares would be clear of interactions of two."
INSEPARABLE: Mapping[bool, str] = {
    True: "{factors} cannot be told apart by these runs; together they moved {moved}.",
    False: "{factors} cannot be told by these runs: they were never switched, or never apart from one another.",
}
"""Whether the runs tell what they moved together."""

LACK_OF_FIT: Mapping[str, str] = {
    "flagged": "Three or more factors interact, beyond what shares and pairs can show: {groups}. Take the shares as means over the mixtures, and look at the pairs.",
    "not_seen": "",
    "cannot_tell": "These mixtures cannot show whether three or more factors interact; the full plan could.",
}
HIDDEN = "Interactions of three factors that this plan cannot separate from a factor's share"
TOGETHER = "This plan cannot separate pairs that stand in one row."
LOG_ODDS = "The shares in log-odds, a scale that does not squeeze accuracies near 0 or 100\u00a0%"
NOT_CAUSES = "A share says what changed when a factor was switched, with these data at this scale. It is not a cause, and shares whose intervals overlap are in no order."
