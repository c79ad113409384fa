"""Metadata, extras and console scripts of bg_interp; build settings stand in pyproject.toml."""

import pathlib
import re

from setuptools import find_packages, setup

_ROOT = pathlib.Path(__file__).parent
# The one place of the version; importing the package would need what it depends on.
_VERSION = re.search(r'__version__ = "(.+)"', (_ROOT / "bg_interp/__init__.py").read_text())[1]

_TEST = [
    "dill>=0.3.8",  # tensorflow_datasets.testing.DatasetBuilderTestCase imports it undeclared.
    "fonttools>=4.50",
    "hypothesis>=6.100",
    "ipykernel>=6.29",  # The notebooks of docs/ are run.
    "mypy>=1.10",
    "nbclient>=0.10",
    "psutil>=6.0",
    "pytest>=8.0",
    "pytest-xdist>=3.6",
    "ruff>=0.6",
]

setup(
    name="bg_interp",
    version=_VERSION,
    description="Trains image classifiers with their backgrounds removed, and measures the effect.",
    long_description=(_ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE", "NOTICE"],
    python_requires=">=3.11,<3.14",  # TensorFlow 2.21 has wheels for these only.
    # The programs of tools/ are installed under a name of their own: `tools` is too common a name.
    packages=[*find_packages(include=["bg_interp", "bg_interp.*"]), "bg_interp_tools"],
    package_dir={"bg_interp_tools": "tools"},
    package_data={
        "bg_interp": [
            "py.typed",
            "people/page/*",
            "report/*.j2",
            "report/*.json",
            "study/report/*.j2",
        ]
    },
    install_requires=[
        "absl-py>=2.1",
        "h5py>=3.11",  # Keras keeps .h5 files by it.
        "importlib_resources>=6.0",  # tensorflow-datasets needs it and does not declare it.
        "jinja2>=3.1",
        "keras>=3.10",
        "markupsafe>=2.1",
        "matplotlib>=3.8",
        "mediapipe>=1.2",
        "numpy>=2.0",
        "onnx>=1.17",
        "onnxruntime>=1.20",  # onnx's own evaluator is for teaching: orders of magnitude slower.
        "opencv-contrib-python>=4.10",  # The one of OpenCV's packages that mediapipe brings.
        "pillow>=11.0",
        "pillow-heif>=0.21",  # Phones keep photographs as HEIC, which Pillow reads by this plugin.
        "platformdirs>=4.2",
        "pycocotools>=2.0.8",  # Run-length masks of COCO.
        "pyyaml>=6.0",
        "scikit-image>=0.24",
        "scikit-learn>=1.5",
        "scipy>=1.13",
        "tabulate>=0.9",
        "tensorboard>=2.20",  # TensorFlow 2.21 no longer brings it.
        "tensorflow>=2.20",
        "tensorflow-datasets>=4.9.8",
        "tf-keras-vis>=0.8.7",
        "tqdm>=4.66",
        "waitress>=3.0",
        "werkzeug>=3.1",
    ],
    extras_require={
        "beam": ["apache-beam>=2.70"],  # Caps protobuf below 7; TFDS uses it for large datasets.
        "cluster": ["ray[train]>=2.51"],  # Several machines; nothing else imports it.
        "gpu": ["tensorflow[and-cuda]>=2.20"],
        "test": _TEST,
    },
    entry_points={
        "console_scripts": [
            f"bg-interp-{path.stem} = bg_interp_tools.{path.stem}:run"
            for path in sorted((_ROOT / "tools").glob("[a-z]*.py"))
        ]
    },
)
