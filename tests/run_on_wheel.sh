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
# What takes long and does not depend on how the package was installed has run already: many processes, and learning.
left_out="glimpse/training/test_ranks glimpse/training/test_kill glimpse/training/test_learning
    glimpse/training/test_translation_runs glimpse/training/test_simultaneous_runs glimpse/sweeps/test_real_sweep
    glimpse/sweeps/test_ray_sweep glimpse/benchmarks/test_bench glimpse/inference/test_onnx_images
    glimpse/inference/test_onnx_texts glimpse/inference/test_onnx_translations glimpse/reporting/test_report_rules
    glimpse/evaluation/test_rationale_scores glimpse/evaluation/test_told_modes glimpse/reproduction/test_reproduce
    glimpse/runs/test_checkpoint envs/text/test_real_text agents/text/test_evidence_reader
    glimpse/sweeps/test_sweep glimpse/runs/test_changed_data glimpse/runs/test_kept_data glimpse/runs/test_tracking
    glimpse/evaluation/test_other_data glimpse/training/test_sb3_learner glimpse/training/test_whole_view_runs
    agents/test_constant_return envs/test_one_lane envs/test_guests
    agents/test_host_waits agents/text/test_rationale agents/text/test_skimmer agents/text/test_token_selector
    agents/vision/test_anytime agents/vision/test_stable_baselines3_agent test_fuzz test_notebooks"
for name in $left_out; do
    test -f "tests/$name.py" || { echo "tests/$name.py is not there"; exit 1; }
    set -- "$@" --ignore "tests/$name.py"
done
shift
OMP_NUM_THREADS=1 "$work/venv/bin/python" -m pytest -q -n 4 --dist loadgroup "$@"
