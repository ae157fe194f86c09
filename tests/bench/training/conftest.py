"""What several tests of checkpoints begin with."""

import pytest

from tests.bench.training.made import Parts, taken_apart, written


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """Of a checkpoint as it should be."""
    path = tmp_path_factory.mktemp("whole") / "one.safetensors"
    written(path)
    return taken_apart(path)
