"""The scripts under test as modules."""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[5]
sys.path.insert(0, str(ROOT / "runtime/synthesis/python"))
