"""Planted faults of the flow of data: what phases share, reuse, wait for, pool and are given."""

from tests.meta.changes import (
    changed_terms,
    heads_exchanged,
)
from tests.meta.fault import (
    CHAIN,
    FLOW,
    LABELS,
    LAYERS,
    LAZY,
    POOL,
    PORTS,
    Fault,
)
from tests.meta.patches import (
    changed_workload,
    given_else,
)
from tests.meta.patches_draws import (
    labels_of_the_next,
)
from tests.meta.patches_flow import (
    an_iteration_late,
    given_else_values,
    graphs_cut,
    left_out_at_first,
    one_after_the_other,
    rates_as_if_all_ran,
    remade,
    samples_of_the_iteration,
    slots_drawn_one_by_one,
)
from tests.meta.patches_grid import (
    dropped_by_pixel,
    shuffled_as_keras_does,
)

FLOW_FAULTS = (
    Fault(
        "a shared draw made anew for a phase",
        "iteration",
        FLOW,
        given_else("second", lambda draws: {"shared/noise": -draws["shared/noise"]}),
    ),
    Fault(
        "drawn labels for a sample's own",
        "iteration",
        LABELS,
        given_else("d", lambda draws: {"d/x.label": draws["shared/wanted"]}),
    ),
    Fault("labels of the next sample", "draws", LABELS, labels_of_the_next),
    Fault("the other head", "gradients", PORTS, changed_workload(heads_exchanged)),
    Fault("old fakes made anew", "run", CHAIN, remade),
    Fault("a graph that is cut", "gradients", CHAIN, changed_workload(graphs_cut)),
    Fault("given values the other way round", "gradients", CHAIN, given_else_values),
    Fault("steps not taken together", "iteration", CHAIN, changed_workload(one_after_the_other)),
    Fault("a lazy phase an iteration late", "run", LAZY, an_iteration_late),
    Fault("a lazy phase left out at first", "cut_run", LAZY, left_out_at_first),
    Fault("rates as if all phases ran", "trajectory", LAZY, rates_as_if_all_ran),
    Fault("epochs that follow iterations", "draws", LAZY, samples_of_the_iteration),
    Fault(
        "a pool that always exchanges",
        "run",
        POOL,
        given_else("d", lambda draws: {"d/shown.swap": 0.0 * draws["d/shown.swap"] + 1.0}),
    ),
    Fault(
        "a pool that never exchanges",
        "run",
        POOL,
        given_else("d", lambda draws: {"d/shown.swap": 0.0 * draws["d/shown.swap"]}),
    ),
    Fault(
        "a slot of a pool used twice",
        "run",
        POOL,
        given_else("d", lambda draws: {"d/shown.slot": draws["d/shown.slot"] * 0}),
    ),
    Fault("a pool's slots drawn one by one", "draws", POOL, slots_drawn_one_by_one),
    Fault("pixels shuffled in Keras's order", "iteration", LAYERS, shuffled_as_keras_does),
    Fault("channels dropped by pixel", "iteration", LAYERS, dropped_by_pixel),
    Fault(
        "a relativistic loss against its own mean",
        "gradients",
        LAYERS,
        changed_workload(changed_terms("relativistic", against="fake")),
    ),
)
