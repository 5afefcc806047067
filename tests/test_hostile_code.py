"""What must not stand anywhere in the source: what runs code that a file brings along."""

import ast
from pathlib import Path

import pytest

import tinyexp

PACKAGE = Path(tinyexp.__file__).parent
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_MODULES = {
    "pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "joblib",
    "shelve",
    "marshal",
    "yaml",
    "torch.serialization",
}
FORBIDDEN_NAMES = {
    "os.system",
    "os.popen",
    "torch.jit.load",
    "torch.hub.load",
    "yaml.load",
    "pd.read_pickle",
    "pandas.read_pickle",
}


def objections(source):
    """Every forbidden thing in a source text, with its line."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, name.name) for name in node.names if name.name in FORBIDDEN_MODULES]
        if isinstance(node, ast.ImportFrom) and node.module in FORBIDDEN_MODULES:
            found.append((node.lineno, node.module))
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            values = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if name in FORBIDDEN_CALLS | FORBIDDEN_NAMES:
                found.append((node.lineno, name))
            if name.endswith("torch.load") and values.get("weights_only") != "True":
                found.append((node.lineno, name))
            if values.get("allow_pickle", "False") != "False" or (
                name in ("np.load", "numpy.load") and "allow_pickle" not in values
            ):
                found.append((node.lineno, f"{name} with pickles"))
            if values.get("shell", "False") != "False":
                found.append((node.lineno, f"{name} in a shell"))
            if name.endswith(("extractall", "unpack_archive")):
                found.append((node.lineno, name))
    return found


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_no_module_can_run_code_from_a_file(path):
    assert objections(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import yaml\nyaml.load(x)",
        "eval(x)",
        "exec(x)",
        "torch.load(x)",
        "torch.load(x, weights_only=False)",
        "np.load(x)",
        "np.load(x, allow_pickle=True)",
        "pd.read_pickle(x)",
        "subprocess.run(x, shell=True)",
        "os.system(x)",
        "archive.extractall(x)",
    ],
)
def test_each_forbidden_thing_is_found(source):
    assert objections(source)
