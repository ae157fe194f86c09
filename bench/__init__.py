"""How fast it runs: plan, workers, proof, timing, results, compare, report."""
