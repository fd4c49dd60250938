#!/bin/sh
# Build the wheel and install it alone into a bare environment that borrows the dependencies of the given PYTHON.
# Then run a copy of the tests from another folder: run_on_wheel.sh PYTHON.
set -eu
python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m build --wheel --no-isolation --outdir "$work/dist" "$root" >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
"$python" -m venv --without-pip "$work/venv"
borrowed=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
bare=$("$work/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
"$python" -m pip --disable-pip-version-check install --quiet --no-deps --target "$bare" "$work"/dist/*.whl
# The path file only adds a folder, so the hook of an editable installation in that folder is not run.
echo "$borrowed" >"$bare/borrowed.pth"
# Copies keep their times, so that the byte code of tests that have run is valid.
cp -rp "$root/tests" "$root/pyproject.toml" "$root/README.md" "$root/README.zh.md" "$root/docs" "$root/results" "$work/"
cd "$work"
mv pyproject.toml settings.toml
"$work/venv/bin/python" - <<'EOF'
import re
text = open("settings.toml").read()
section = re.search(r"\[tool\.pytest\.ini_options\]\n(.*?)\n\n", text, re.S).group(0)
open("pyproject.toml", "w").write(section.replace('pythonpath = ["."]\n', ""))
import os
import glimpse
assert os.path.realpath(glimpse.__file__).startswith(os.path.realpath(os.getcwd())), glimpse.__file__
EOF
rm settings.toml
# Tests that start many processes, and of which nothing depends on how the package was installed, have run already.
OMP_NUM_THREADS=1 "$work/venv/bin/python" -m pytest -q -n 4 --dist loadgroup \
    --ignore tests/glimpse/training/test_ranks.py --ignore tests/glimpse/sweeps/test_real_sweep.py --ignore tests/glimpse/sweeps/test_ray_sweep.py \
    --ignore tests/glimpse/training/test_kill.py --ignore tests/test_fuzz.py --ignore tests/test_notebooks.py
