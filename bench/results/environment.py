"""The environment variables that a result records: by name, each known to change what is measured.

Never by prefix: `TF_VAR_password` is Terraform's, and `NVIDIA_API_KEY` a secret.
"""

import re
import shlex
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

REASONS = {
    # Threads and vector units.
    "OMP_NUM_THREADS": "threads of an operation in torch, and of NumPy's products",
    "OMP_THREAD_LIMIT": "the most threads that OpenMP may start",
    "OMP_DYNAMIC": "OpenMP may take fewer threads than asked for",
    "OMP_PROC_BIND": "whether threads stay on their cores",
    "OMP_PLACES": "the cores that threads are bound to",
    "OMP_WAIT_POLICY": "whether threads that wait keep their cores busy",
    "OMP_SCHEDULE": "how loops are shared among threads",
    "GOMP_CPU_AFFINITY": "GNU OpenMP's cores, which is torch's OpenMP",
    "GOMP_SPINCOUNT": "how long its threads wait before they sleep",
    "KMP_AFFINITY": "Intel OpenMP's cores, where it is preloaded",
    "KMP_BLOCKTIME": "how long its threads wait before they sleep",
    "MKL_NUM_THREADS": "threads of MKL, torch's products on x86",
    "MKL_DYNAMIC": "MKL may take fewer threads than asked for",
    "MKL_CBWR": "MKL's code path for the same bits on all processors",
    "MKL_ENABLE_INSTRUCTIONS": "the vector units that MKL may use",
    "OPENBLAS_NUM_THREADS": "threads of NumPy's products",
    "OPENBLAS_CORETYPE": "the processor that OpenBLAS's kernels are for",
    "ATEN_CPU_CAPABILITY": "the vector units that torch's own kernels use",
    "ONEDNN_MAX_CPU_ISA": "the vector units that oneDNN uses, in torch and TensorFlow",
    "DNNL_MAX_CPU_ISA": "the same by its older name",
    "ONEDNN_DEFAULT_FPMATH_MODE": "lets oneDNN compute float32 in fewer bits",
    "LD_PRELOAD": "another allocator or OpenMP, with other times",
    "MALLOC_ARENA_MAX": "how many pools glibc's allocator has",
    "MALLOC_CONF": "jemalloc's settings, where it is preloaded",
    "PYTHONOPTIMIZE": "leaves out asserts",
    "PYTHONMALLOC": "the interpreter's allocator",
    # CUDA and its libraries.
    "CUDA_VISIBLE_DEVICES": "which GPUs there are",
    "CUDA_DEVICE_ORDER": "which of them is the first",
    "CUDA_LAUNCH_BLOCKING": "waits for each kernel",
    "CUDA_MODULE_LOADING": "when kernels are loaded: in the first step or before",
    "CUDA_CACHE_DISABLE": "whether compiled kernels are found again",
    "CUDA_DEVICE_MAX_CONNECTIONS": "how many queues a GPU has",
    "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE": "the share of a GPU that a process gets",
    "NVIDIA_TF32_OVERRIDE": "forbids TF32 in NVIDIA's libraries, whatever a framework says",
    "NVIDIA_VISIBLE_DEVICES": "which GPUs a container sees",
    "CUBLAS_WORKSPACE_CONFIG": "cuBLAS's memory, on which its determinism depends",
    "CUBLASLT_WORKSPACE_SIZE": "cuBLASLt's memory, on which its choice of kernels depends",
    "CUDNN_ERRATA_JSON_FILE": "kernels that cuDNN must not choose",
    # XLA and JAX.
    "XLA_FLAGS": "XLA's settings",
    "XLA_CLIENT_MEM_FRACTION": "how much of a GPU's memory JAX takes",
    "XLA_PYTHON_CLIENT_MEM_FRACTION": "the same by its older name",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "whether it takes it at the start",
    "XLA_PYTHON_CLIENT_ALLOCATOR": "JAX's allocator on a GPU",
    "JAX_PLATFORMS": "which devices JAX may use",
    "JAX_PLATFORM_NAME": "which of them it prefers",
    "JAX_ENABLE_X64": "whether JAX has float64",
    "JAX_DEFAULT_MATMUL_PRECISION": "the bits of a product's factors",
    "JAX_DEFAULT_PRNG_IMPL": "the generator of what is drawn",
    "JAX_THREEFRY_PARTITIONABLE": "how that generator counts",
    "JAX_NUMPY_DTYPE_PROMOTION": "the precision of mixed operations",
    "JAX_DISABLE_JIT": "runs operation by operation",
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "compiles faster to slower programs",
    "JAX_OPTIMIZATION_LEVEL": "the same in steps",
    "JAX_EXEC_TIME_OPTIMIZATION_EFFORT": "how hard XLA tries to make programs fast",
    "JAX_COMPILER_ENABLE_REMAT_PASS": "whether XLA computes anew what memory is short for",
    "JAX_ENABLE_PGLE": "compiles again after profiling",
    "JAX_DEBUG_NANS": "reads every result back",
    "JAX_DEBUG_INFS": "reads every result back",
    "JAX_ENABLE_CHECKS": "checks the tracer's work",
    # TensorFlow and Keras.
    "TF_XLA_FLAGS": "which operations TensorFlow hands to XLA",
    "TF_ENABLE_ONEDNN_OPTS": "oneDNN's kernels, which round differently",
    "TF_SET_ONEDNN_FPMATH_MODE": "lets them compute float32 in fewer bits",
    "TF_ENABLE_ZENDNN_OPTS": "AMD's kernels",
    "TF_NUM_INTRAOP_THREADS": "threads of an operation",
    "TF_NUM_INTEROP_THREADS": "operations at a time",
    "TF_DETERMINISTIC_OPS": "only kernels that give the same bits each time",
    "TF_CUDNN_USE_AUTOTUNE": "whether convolutions are chosen by trying them",
    "TF_GPU_ALLOCATOR": "TensorFlow's allocator on a GPU",
    "TF_GPU_THREAD_MODE": "which threads launch kernels",
    "TF_GPU_THREAD_COUNT": "how many of them",
    "TF_FORCE_GPU_ALLOW_GROWTH": "whether it takes a GPU's memory at the start",
    "KERAS_BACKEND": "Keras's engine",
    "KERAS_NNX_ENABLED": "Keras's variables on JAX as NNX's",
    # PyTorch.
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "forces TF32 in products",
    "TORCH_BLAS_PREFER_CUBLASLT": "the library of products on a GPU",
    "TORCH_CUDNN_V8_API_DISABLED": "an older way to convolutions",
    "TORCH_MKLDNN_MATMUL_MIN_DIM": "from what size oneDNN multiplies",
    "PYTORCH_ALLOC_CONF": "torch's allocator on a GPU",
    "PYTORCH_CUDA_ALLOC_CONF": "the same by its older name",
    "PYTORCH_NO_CUDA_MEMORY_CACHING": "asks the driver for each tensor",
    "TORCH_COMPILE_DISABLE": "leaves torch.compile out",
    "TORCHDYNAMO_DISABLE": "the same by its older name",
    "TORCHDYNAMO_SUPPRESS_ERRORS": "runs eagerly what does not compile",
    "TORCHINDUCTOR_MAX_AUTOTUNE": "tries kernels before it chooses",
    "TORCHINDUCTOR_MAX_AUTOTUNE_GEMM": "tries products",
    "TORCHINDUCTOR_MAX_AUTOTUNE_POINTWISE": "tries what is element by element",
    "TORCHINDUCTOR_COORDINATE_DESCENT_TUNING": "tries more of each kernel",
    "TORCHINDUCTOR_CPP_WRAPPER": "C++ calls the kernels, not Python",
    "TORCHINDUCTOR_CPP_ENABLE_UNSAFE_MATH_OPT_FLAG": "other rounding on a CPU",
    "TORCHINDUCTOR_CPP_ENABLE_FLOATING_POINT_CONTRACT_FLAG": "other rounding on a CPU",
    "TORCHINDUCTOR_CPP_MIN_CHUNK_SIZE": "the smallest share of a thread",
    "TORCHINDUCTOR_CUDAGRAPHS": "compiled code in CUDA graphs",
    "TORCHINDUCTOR_USE_FAST_MATH": "other rounding on a GPU",
    "TORCHINDUCTOR_LAYOUT_OPTIMIZATION": "channels-last where it thinks that it is faster",
    "TORCHINDUCTOR_FORCE_LAYOUT_OPT": "channels-last everywhere",
    "TORCHINDUCTOR_FREEZING": "weights as constants",
    "TORCHINDUCTOR_COMPILE_THREADS": "how many compile at a time: the first step",
}
"""Variable -> what it changes."""
HELD = "..."
"""In the place of what a setting may hold and nobody needs to know: a file, or another's words."""
FLAG = re.compile(r"(--?(?:xla|tf)_\w+)(?:=(.*))?")
OF_A_FILE = re.compile(r"_dump_|_(to|from|dir|file|path)$")
"""In a flag's name; what it writes or reads changes no number."""


def recorded(variables: Mapping[str, str]) -> dict[str, str]:
    """Those of the variables that are known to matter, without the paths in them."""
    return {name: _value(name, variables[name]) for name in REASONS if name in variables}


def published(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """A result's provenance as it is written today: older files hold more than is to be seen."""
    found = dict(provenance)
    if isinstance(found.get("environment"), dict):
        found["environment"] = recorded(found["environment"])
    for name in ("gpu_processes", "gpu_processes_after"):
        if isinstance(found.get(name), list):
            found[name] = _counted(found[name])
    return found


def _counted(processes: list[dict[str, Any]]) -> dict[str, int | None] | None:
    """An empty list was also written where NVML was not there to be asked."""
    held: list[Any] = [one.get("memory_bytes") for one in processes]
    return (
        {"count": len(held), "memory_bytes": None if None in held else sum(held)} if held else None
    )


def _value(name: str, value: str) -> str:
    if name.endswith("XLA_FLAGS"):
        return _flags(value)
    if name == "LD_PRELOAD":
        return " ".join(PurePath(path).name for path in re.split(r"[:\s]+", value) if path)
    return HELD if value.startswith(("/", "~", ".")) and "/" in value else value


def _flags(value: str) -> str:
    """XLA's and TensorFlow's own flags, without files; the value may also be a file of flags."""
    try:
        words = shlex.split(value)
    except ValueError:  # a quotation that does not end
        words = value.split()
    flags = [FLAG.fullmatch(word) for word in words]
    shown = [
        HELD if flag is None else f"{flag[1]}={HELD}" if _is_file(*flag.groups()) else flag[0]
        for flag in flags
    ]
    return " ".join(shown)


def _is_file(name: str, value: str | None) -> bool:
    return value is not None and ("/" in value or OF_A_FILE.search(name) is not None)
