"""Reads metrics as strictly as the Python client of Prometheus can: OpenMetrics and Prometheus' own text, from two files.

Both must tell of the same samples.
"""

import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as classic


def samples(families):
    """The samples of all families, without their values: these go on while the two texts are read."""
    return {(sample.name, tuple(sorted(sample.labels.items()))) for family in families for sample in family.samples}


def main():
    texts = [open(path, encoding="utf-8").read() for path in sys.argv[1:3]]
    first, second = samples(open_metrics(texts[0])), samples(classic(texts[1]))
    if first != second:
        sys.exit(f"the two texts differ: {sorted(first ^ second)[:10]}")
    print(f"{len(first)} samples")


main()
