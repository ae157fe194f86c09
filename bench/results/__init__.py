"""From records to one result: blocks, statistics, verdicts, costs, provenance."""
