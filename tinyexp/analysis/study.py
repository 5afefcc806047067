"""A study: a question over experiments, as a file says it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from tinyexp.analysis.looks import default_looks
from tinyexp.analysis.plan import MOST_FACTORS, PlanKind
from tinyexp.analysis.statistics import FEWEST_SEEDS
from tinyexp.config.difference import flatten
from tinyexp.config.endpoint import LAST, Endpoint, check_selection
from tinyexp.config.explain import explained
from tinyexp.config.metric import Metric, MetricName, MetricTable, default_margin, metric_of
from tinyexp.config.metric_tables import merged, tables_in, tables_of
from tinyexp.config.names import NAME
from tinyexp.config.section import Name, PositiveInt, Section
from tinyexp.config.toml import find_toml, read_toml, toml_names
from tinyexp.errors import UserError, listed, nearest
from tinyexp.resources import experiments_folder

Key = Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$")]
ClaimKind = Literal[
    "carries_most", "raises", "lowers", "higher", "lower", "rises_along", "falls_along", "static"
]


class Factor(Section):
    """A named group of keys in which the two designs differ; they are switched together."""

    name: Name
    title: str = ""
    """What the report calls it; the name, if none is given."""
    keys: Annotated[tuple[Key, ...], Field(strict=False)] = ()
    """Dotted keys; the name of a table stands for all keys in it. Empty only where a study is made by hand
    over numbers that were trained elsewhere. Where the two do not differ in any, as under another reading
    of the source, the factor does not take part."""
    says: str = ""
    """What the source credits this factor with, in our words; empty where it never mentions it."""
    placebo: bool = False
    """Whether it cannot matter, as a setting that nothing reads. It is trained and judged like the others, Holm's
    adjustment included, so that it shows the size of nothing under their very rule; where it is named, something is wrong."""


class Variant(Section):
    """An experiment of this study alone: another one with some keys set otherwise."""

    name: Name
    title: str
    of: Name
    """The experiment that it is made from, under the same profile."""
    set: dict[str, Any] = Field(default_factory=dict)
    """Dotted keys and their values."""
    times: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    """Dotted keys whose values are multiplied, so that they follow the profile's scale."""

    @field_validator("set", "times", mode="before")
    @classmethod
    def _dotted(cls, value: Any) -> Any:
        return flatten(value) if isinstance(value, Mapping) else value

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.set and not self.times:
            raise ValueError(f"variant '{self.name}': sets no key. Give 'set' or 'times'")
        return self


class Claim(Section):
    """A sentence of the source with a prediction that can fail."""

    id: Name
    says: str
    """What the source says, in our words."""
    predicts: str
    """What must come out if it is true."""
    kind: ClaimKind
    """How the prediction is decided; see :mod:`tinyexp.analysis.claims`."""
    factor: str = ""
    """For carries_most, raises and lowers."""
    experiments: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """For higher and lower: baseline and contender (the study's own, if empty); for the sweeps: in order."""
    metric: MetricName | None = None
    """The study's, if none is given; ``generalisation_gap`` is train_clean_accuracy minus test_accuracy."""
    margin: Annotated[float, Field(ge=0)] | None = None
    """The study's, if none is given and the metric is in the same unit."""
    epochs: Literal["last", "mean"] = "last"
    """Whether the last epoch is compared or the mean over all epochs: the height of the whole curve. Of runs that are
    logged by step, the last step or the mean over all logged steps."""
    fact: str = ""
    """For static: what is looked up in the models of the one or two experiments named."""


NEEDS: Mapping[str, tuple[str, int, int]] = {
    "carries_most": ("factor", 0, 0),
    "raises": ("factor", 0, 0),
    "lowers": ("factor", 0, 0),
    "higher": ("", 0, 2),
    "lower": ("", 0, 2),
    "rises_along": ("", 3, 64),
    "falls_along": ("", 3, 64),
    "static": ("fact", 1, 2),
}
"""For each kind of claim the key that it needs besides, and the fewest and most experiments."""


ANY = "any"
"""In ``claim_refuted``: every claim of the study."""


class FailOn(Section):
    """What makes ``tinyexp report`` end with exit code 1 once the report is written; nothing by default.

    A gate that cannot be decided, for want of runs or of a baseline, fails and says so.
    """

    claim_refuted: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """Ids of claims that must be neither refuted nor, where runs depart from the source, otherwise than predicted here;
    ``any`` for all of them. One that is not tested passes."""
    verdict_changed: bool = False
    """Whether the verdict of the comparison and of every claim must be the baseline's."""
    accuracy_below: dict[Name, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    """Where the study's metric is an accuracy: what it must reach, in its own unit and the mean over the seeds, in an
    experiment or a variant of the study."""
    worse_than: dict[Name, float] = Field(default_factory=dict)
    """The same of any metric: the worst value that it may have."""
    run_missing: bool = False
    """Whether all that the study asks for must have finished, with every seed."""


class Study(Section):
    """Two experiments, what is compared of them, and how large a difference must be to count."""

    name: Name
    title: str
    question: str
    lead: bool = False
    """Whether the report opens with this study; without one, with the first by file name."""
    baseline: Name
    """An experiment, or a variant of this study."""
    contender: Name
    metrics: dict[MetricName, MetricTable] = Field(default_factory=dict)
    """What names mean that are not usual, or mean something else here: tables ``[metrics.NAME]`` of its own file, those of
    its experiments and those of their source."""
    metric: MetricName
    margin: Annotated[float, Field(ge=0)] = Field(default=None, validate_default=True)
    """What is too small to matter, in the units of the metric. A point, if none is given and the metric is a share; of
    other metrics it must be given."""
    endpoint: Endpoint = LAST
    """Which value of each run is compared."""
    selected_on_test: Annotated[bool, Field(validate_default=True)] = False
    """Whether an endpoint may choose the epoch by a test metric; the report says so."""
    pairing: Literal["none", "seed"] = "none"
    """``seed`` where runs of one seed belong together, as they share initial weights and order: then their differences
    are compared. To be decided before the runs."""
    looks: Annotated[tuple[Annotated[int, Field(ge=FEWEST_SEEDS)], ...], Field(strict=False)] = ()
    """Runs of each design at which the study is decided, ascending; if none is given, the number of seeds that it is
    trained with, and twice that. See :mod:`tinyexp.analysis.looks`."""
    decide: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """Claims that must be decided too before ``run-all --until-decided`` stops."""
    plan: PlanKind = "fraction"
    """Which mixtures of the two are trained; see :mod:`tinyexp.analysis.plan`."""
    seeds: PositiveInt | None = None
    """Seeds for each mixture; the profile's, if none is given."""
    factors: Annotated[tuple[Factor, ...], Field(strict=False, max_length=MOST_FACTORS)] = ()
    """Every key in which the two differ must belong to exactly one. Without factors nothing is attributed."""
    variants: Annotated[tuple[Variant, ...], Field(strict=False)] = ()
    """Further experiments that the claims speak of."""
    claims: Annotated[tuple[Claim, ...], Field(strict=False)] = ()
    fail_on: FailOn = FailOn()
    """Gates for continuous integration."""

    def type_of(self, name: str) -> Metric:
        """What a metric's name means in this study; raises UserError where nobody says."""
        return metric_of(name, self.metrics, f"studies/{self.name}.toml")

    @property
    def measure(self) -> Metric:
        """The study's metric."""
        return self.type_of(self.metric)

    def margin_of(self, claim: Claim) -> float:
        """What is too small to matter for a claim."""
        return _margin_of(claim, self.measure, self.margin, self.metrics)

    def looks_at(self, seeds: int) -> tuple[int, ...]:
        """Its looks, where it is trained with so many seeds."""
        return self.looks or default_looks(max(self.seeds or seeds, FEWEST_SEEDS))

    @property
    def members(self) -> tuple[str, ...]:
        """Every experiment and variant that the study compares, contender and baseline first."""
        return _members(self.contender, self.baseline, self.claims)

    def variant(self, name: str) -> Variant | None:
        """The variant of that name; None where it is an experiment's."""
        return next((variant for variant in self.variants if variant.name == name), None)

    @property
    def experiments(self) -> tuple[str, ...]:
        """The experiment files that the members come from."""
        made = (self.variant(name) for name in self.members)
        return tuple(
            dict.fromkeys(
                variant.of if variant else name for variant, name in zip(made, self.members, strict=True)
            )
        )

    @field_validator("metric", mode="after")
    @classmethod
    def _known(cls, metric: str, info: ValidationInfo) -> str:
        _typed(metric, info.data.get("metrics"))
        return metric

    @field_validator("margin", mode="before")
    @classmethod
    def _margin(cls, margin: float | None, info: ValidationInfo) -> float:
        if margin is not None:
            return margin
        if "metric" not in info.data:
            return 0.0  # that is at fault itself, and named
        try:
            return default_margin(_typed(info.data["metric"], info.data.get("metrics")), "margin")
        except UserError as error:
            raise ValueError(str(error).removeprefix("margin: ")) from error

    @field_validator("endpoint", mode="after")
    @classmethod
    def _chosen_by_a_known_metric(cls, endpoint: Endpoint, info: ValidationInfo) -> Endpoint:
        if not isinstance(endpoint.best, str):
            return endpoint
        return Endpoint(best=_typed(endpoint.best, info.data.get("metrics")))

    @field_validator("selected_on_test", mode="after")
    @classmethod
    def _not_chosen_by_the_test(cls, selected: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic's call
        try:
            check_selection(info.data.get("endpoint", LAST), "endpoint", selected_on_test=selected)
        except UserError as error:
            raise ValueError(str(error).removeprefix("endpoint: ")) from error
        return selected

    @field_validator("looks", mode="after")
    @classmethod
    def _rising(cls, looks: tuple[int, ...]) -> tuple[int, ...]:
        if any(later <= earlier for earlier, later in itertools.pairwise(looks)):
            raise ValueError(f"looks must rise, as in [3, 6, 10]; got {list(looks)}")
        return looks

    @field_validator("variants", mode="after")
    @classmethod
    def _each_variant_once(cls, variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
        _check_once("variant", [variant.name for variant in variants])
        return variants

    @field_validator("factors", mode="after")
    @classmethod
    def _each_key_once(cls, factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
        _check_once("factor", [factor.name for factor in factors])
        _check_once("key", [key for factor in factors for key in factor.keys])
        reserved = {"seed", "epoch", "step", "state", "experiment"} & {factor.name for factor in factors}
        if reserved:
            raise ValueError(f"'{min(reserved)}' is a column of every run; give the factor another name")
        return factors

    @field_validator("claims", mode="after")
    @classmethod
    def _decidable(cls, claims: tuple[Claim, ...], info: ValidationInfo) -> tuple[Claim, ...]:
        _check_once("claim", [claim.id for claim in claims])
        known = [factor.name for factor in info.data.get("factors", ())]
        for claim in claims:
            _check_claim(claim, known)
            if {"metric", "margin"} <= info.data.keys():
                _check_measured(claim, info.data)
        return claims

    @field_validator("fail_on", mode="after")
    @classmethod
    def _of_what_is_there(cls, fail_on: FailOn, info: ValidationInfo) -> FailOn:
        told = info.data
        if not {"claims", "contender", "baseline"} <= told.keys():
            return fail_on  # they are at fault themselves, and named
        claims = told["claims"]
        members = _members(told["contender"], told["baseline"], claims)
        for name in told.get("decide", ()):
            _check_known("decide", "claim", name, [claim.id for claim in claims])
        for name in fail_on.claim_refuted:
            _check_known("claim_refuted", "claim", name, [*(claim.id for claim in claims), ANY])
        for gate in ("accuracy_below", "worse_than"):
            for name, bound in getattr(fail_on, gate).items():
                _check_known(gate, "experiment", name, list(members))
                if "metric" in told:
                    _check_bound(gate, name, bound, _typed(told["metric"], told.get("metrics")))
        return fail_on


def study_names(folder: Path | None = None) -> list[str]:
    """The studies there are, by file name."""
    return toml_names((folder or experiments_folder()) / "studies")


def load_study(name: str, folder: Path | None = None) -> Study:
    """Read ``studies/NAME.toml``; raises UserError with the choices where it is missing or wrong."""
    studies = (folder or experiments_folder()) / "studies"
    path = find_toml(studies, name, "study", lambda: study_names(folder))
    raw = read_toml(path)
    own = (str(path), tables_in(raw, str(path)))
    tables = merged([*tables_of(_experiments_in(raw), folder), own])
    try:
        return Study.model_validate({"name": name, **raw, "metrics": tables})
    except ValidationError as error:
        raise explained(error, Study, lambda _: str(path)) from error


def _experiments_in(raw: Mapping[str, Any]) -> list[str]:
    """The names of experiments in a study's file, which may be of any form yet."""
    tables = [one for key in ("claims", "variants") if isinstance(raw.get(key), list) for one in raw[key]]
    named = [raw.get("baseline"), raw.get("contender")]
    for table in tables:
        if isinstance(table, dict):
            several = table.get("experiments")
            named += [table.get("of"), *(several if isinstance(several, list) else [])]
    return [name for name in named if isinstance(name, str) and re.fullmatch(NAME, name)]


def _members(contender: str, baseline: str, claims: tuple[Claim, ...]) -> tuple[str, ...]:
    named = [name for claim in claims for name in claim.experiments]
    return tuple(dict.fromkeys([contender, baseline, *named]))


def _check_once(what: str, names: list[str]) -> None:
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise ValueError(f"the {what} '{twice[0]}' stands twice; each must stand once")


def _typed(name: str, tables: Mapping[str, MetricTable] | None) -> Metric:
    try:
        return metric_of(name, tables, "metric")
    except UserError as error:
        raise ValueError(str(error).removeprefix("metric: ")) from error


def _margin_of(
    claim: Claim, measure: Metric, margin: float, tables: Mapping[str, MetricTable] | None
) -> float:
    """A claim's own margin, the study's where the claim is in the same unit, or the unit's."""
    if claim.margin is not None:
        return claim.margin
    metric = metric_of(claim.metric or measure.name, tables)
    return margin if metric.unit == measure.unit else default_margin(metric, f"claim '{claim.id}'")


def _check_measured(claim: Claim, told: Mapping[str, Any]) -> None:
    """Refuse a claim whose metric nobody knows, or that has no margin in its unit."""
    measure = _typed(told["metric"], told.get("metrics"))
    try:
        _margin_of(claim, measure, told["margin"], told.get("metrics"))
    except UserError as error:
        raise ValueError(f"claim '{claim.id}': {str(error).split(': ', 1)[1]}") from error


def _check_bound(gate: str, name: str, bound: float, measure: Metric) -> None:
    if gate == "accuracy_below" and not measure.is_accuracy:
        raise ValueError(
            f"accuracy_below: the study's metric '{measure.name}' is no accuracy. Give worse_than = {{ {name} = ... }}, the worst "
            "value that it may have"
        )
    low, high = measure.low, measure.high
    if (low is not None and bound < low) or (high is not None and bound > high):
        raise ValueError(
            f"{gate}: {bound:g} for '{name}' is no value that '{measure.name}' can have, whose unit is '{measure.unit}'"
        )


def _check_known(gate: str, what: str, name: str, known: list[str]) -> None:
    if name not in known:
        raise ValueError(f"{gate}: unknown {what} '{name}'. Known: {listed(known)}.{nearest(name, known)}")


def _check_claim(claim: Claim, factors: list[str]) -> None:
    key, fewest, most = NEEDS[claim.kind]
    if key and not getattr(claim, key):
        raise ValueError(f"claim '{claim.id}': the kind '{claim.kind}' needs the key '{key}'")
    if claim.factor and claim.factor not in factors:
        hint = nearest(claim.factor, factors)
        raise ValueError(
            f"claim '{claim.id}': unknown factor '{claim.factor}'. Known: {listed(factors)}.{hint}"
        )
    count = len(claim.experiments)
    if not fewest <= count <= most or (most == 2 and not fewest and count == 1):
        wanted = (
            "none"
            if not most
            else "none or two"
            if most == 2 and not fewest
            else "one or two"
            if most == 2
            else f"{fewest} or more"
        )
        raise ValueError(
            f"claim '{claim.id}': the kind '{claim.kind}' takes {wanted} in 'experiments'; got {count}"
        )
