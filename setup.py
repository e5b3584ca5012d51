"""Maps the root folders into the package and builds the native kernels."""

import os
import pathlib

from Cython.Build import cythonize
from setuptools import Extension, find_packages, setup

FOLDERS = ["engine", "themes", "tui"]
FOUND = find_packages(include=[*FOLDERS, *(f"{folder}.*" for folder in FOLDERS)])
PROCESSORS = os.cpu_count() or 1
KERNELS = sorted(pathlib.Path("engine/kernels").glob("*.pyx"))

setup(
    packages=["dwarfsmith", *(f"dwarfsmith.{package}" for package in FOUND)],
    package_dir={f"dwarfsmith.{folder}": folder for folder in FOLDERS},
    ext_modules=cythonize(
        [
            Extension(
                f"dwarfsmith.engine.kernels.{source.stem}",
                [str(source)],
                # Fused multiplications would round differently on some processors.
                extra_compile_args=["-O3", "-ffp-contract=off"],
            )
            for source in KERNELS
        ],
        nthreads=PROCESSORS,
        build_dir="build/cython",
        compiler_directives={"language_level": 3},
    ),
    options={"build_ext": {"parallel": PROCESSORS}},
)
