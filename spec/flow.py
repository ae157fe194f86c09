"""How the phases of an iteration hang together: what is reused, and what is taken together."""

from collections.abc import Mapping, Sequence
from math import lcm

from spec.errors import PlaceError
from spec.phases import Phase

LONGEST_PERIOD = 16
"""Iterations after which what runs repeats: StyleGAN2's, whose penalty comes every sixteenth."""


def period(phases: Sequence[Phase]) -> int:
    """After how many iterations the same phases run again."""
    return lcm(*(phase.every for phase in phases))


def running(phases: Sequence[Phase], iteration: int) -> list[Phase]:
    """The phases of an iteration."""
    return [phase for phase in phases if iteration % phase.every == 0]


def groups(phases: Sequence[Phase]) -> list[tuple[Phase, ...]]:
    """Phases in order, those in one tuple whose gradients are taken before any of them steps."""
    found: list[tuple[Phase, ...]] = []
    for phase in phases:
        if phase.together and found:
            found[-1] = (*found[-1], phase)
        else:
            found.append((phase,))
    return found


def needs_iteration(phase: Phase, reused: Mapping[str, object] | None) -> bool:
    """Whether a phase's gradients need the phases before it: what it reuses is not all given."""
    missing = set(phase.reuse).difference(reused or ())
    return phase.together or bool(missing)


def units(phases: Sequence[Phase]) -> list[tuple[Phase, ...]]:
    """Groups in order, those in one tuple between which a gradient flows back."""
    found = groups(phases)
    number = {phase.name: i for i, group in enumerate(found) for phase in group}
    ends = list(range(len(found)))
    for i, group in enumerate(found):
        for reuse in (reuse for phase in group for reuse in phase.reuse.values()):
            if reuse.form == "graph":
                first = number[reuse.phase]
                ends[first:i] = [max(end, i) for end in ends[first:i]]
    joined: list[tuple[Phase, ...]] = []
    open_until = -1
    for i, group in enumerate(found):
        joined = [*joined[:-1], (*joined[-1], *group)] if i <= open_until else [*joined, group]
        open_until = max(open_until, ends[i])
    return joined


def reused(phases: Sequence[Phase], form: str) -> dict[str, list[str]]:
    """Outputs by phase that later phases reuse in this form, each once."""
    found: dict[str, dict[str, None]] = {phase.name: {} for phase in phases}
    for phase in phases:
        for reuse in phase.reuse.values():
            if reuse.form == form:
                found[reuse.phase][reuse.output] = None
    return {name: list(outputs) for name, outputs in found.items()}


def makers(phase: Phase, output: str, phases: dict[str, Phase]) -> set[str]:
    """The networks that a gradient of an output flows back to.

    Not behind a forward that is detached, unless the output is its own.
    """
    for reuse_name, reuse in phase.reuse.items():
        if reuse_name == output:
            if reuse.form == "value":
                return set()
            return makers(phases[reuse.phase], reuse.output, phases)
    for forward in phase.forwards:
        if output in forward.writes:
            open_to = (name for name in forward.reads if not is_detached(phase, name))
            behind = (makers(phase, name, phases) for name in open_to)
            return {forward.network}.union(*behind)
    return set()


def is_detached(phase: Phase, name: str) -> bool:
    """Whether what a phase calls so is an output of a forward that is detached."""
    return any(name in forward.writes and forward.detach for forward in phase.forwards)


def check_flow(phases: Sequence[Phase]) -> None:
    """PlaceError for what has moved in between, repeats, or comes in other iterations."""
    by_name = {phase.name: phase for phase in phases}
    for i, phase in enumerate(phases):
        _check_every(f"phases[{i}].every", phase, phases[:i])
        place = f"phases[{i}]"
        if phase.together:
            _check_together(place, phase, phases[:i])
        for name, reuse in phase.reuse.items():
            _check_reuse(f"{place}.reuse.{name}", phase, by_name[reuse.phase])
            if reuse.form == "graph":
                _check_graph(f"{place}.reuse.{name}", phase, name, by_name, phases[:i])


def _check_every(place: str, phase: Phase, before: Sequence[Phase]) -> None:
    until_now = period(before) if before else 1
    if lcm(until_now, phase.every) > LONGEST_PERIOD:
        beside = f" beside phases that repeat after {until_now}" if until_now > 1 else ""
        raise PlaceError(
            place,
            f"given {phase.every}{beside}: what runs would repeat after "
            f"{lcm(until_now, phase.every)} iterations; at most {LONGEST_PERIOD} are allowed",
        )


def _check_together(place: str, phase: Phase, before: Sequence[Phase]) -> None:
    if not before:
        raise PlaceError(f"{place}.together", "given true, but no phase is before this one")
    group = groups([*before, phase])[-1]
    for other in group:
        if other.repeat > 1 or other.every != phase.every:
            raise PlaceError(
                f"{place}.together",
                f"given true, but phase {other.name!r} has repeat = {other.repeat} and every = "
                f"{other.every}, this one {phase.repeat} and {phase.every}; phases are taken "
                "together once each, in the same iterations",
            )
        both = set(other.updates).intersection(phase.updates) if other is not phase else set()
        if both:
            raise PlaceError(
                f"{place}.together",
                f"given true, but phase {other.name!r} moves {sorted(both)[0]!r} too; what is "
                "taken together moves different networks",
            )


def _check_reuse(place: str, phase: Phase, maker: Phase) -> None:
    if maker.repeat > 1:
        message = f"phase {maker.name!r} repeats, so it has no one output of this name"
        raise PlaceError(f"{place}.phase", message)
    if phase.every % maker.every:
        raise PlaceError(
            f"{place}.phase",
            f"phase {maker.name!r} comes every {maker.every} iterations and this one every "
            f"{phase.every}; there has to be one each time",
        )


def _check_graph(
    place: str, phase: Phase, name: str, by_name: dict[str, Phase], before: Sequence[Phase]
) -> None:
    reuse = phase.reuse[name]
    maker = by_name[reuse.phase]
    found = groups([*before, phase])
    first = next(i for i, group in enumerate(found) if maker in group)
    for other in (one for group in found[first:] for one in group):
        if other.repeat > 1 or other.every > 1:
            raise PlaceError(
                f"{place}.form",
                f"given graph, but phase {other.name!r} has repeat = {other.repeat} and every = "
                f"{other.every}; from phase {maker.name!r} to this one each has to run once an "
                "iteration. Give this phase a forward of its own; a value has no gradient",
            )
    through = makers(maker, reuse.output, by_name)
    if not through.intersection(phase.updates):
        by = f"goes back to {', '.join(sorted(through))}" if through else "was drawn or is detached"
        raise PlaceError(
            f"{place}.form",
            f"given graph, but {reuse.output!r} of phase {maker.name!r} {by}, and this phase moves "
            f"{', '.join(phase.updates)}. What is behind a forward with detach = true has no "
            "gradient; without a gradient the form is value",
        )
    for other in (one for group in found[first:-1] for one in group):
        moved = through.intersection(other.updates)
        if moved:
            raise PlaceError(
                f"{place}.form",
                f"given graph, but phase {other.name!r} has moved {sorted(moved)[0]!r} since "
                "its forward; take the gradients together, or give this phase a forward of its own",
            )
