#!/bin/sh
# Build the wheel and install it alone into a bare environment that borrows the dependencies of the given PYTHON.
# Then run a copy of the tests from another folder: run_on_wheel.sh PYTHON.
set -eu
python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A copy is built, so that no module that is gone comes from an earlier build, and what runs beside sees no new files.
# Copies keep their times, so that the byte code of tests that have run is valid; what is being written is left out.
"$python" - "$root" "$work" <<'EOF'
import shutil, sys
def copy(names, target):
    for name in names.split():
        shutil.copytree(f"{sys.argv[1]}/{name}", f"{target}/{name}", ignore=shutil.ignore_patterns("*.pyc.*"))
def copy_files(names, target):
    for name in names.split():
        shutil.copy2(f"{sys.argv[1]}/{name}", target)
copy("glimpse envs agents configs", f"{sys.argv[2]}/source")
copy_files("pyproject.toml setup.py README.md LICENSE", f"{sys.argv[2]}/source")
copy("tests docs results", sys.argv[2])
copy_files("pyproject.toml README.md README.zh.md", sys.argv[2])
EOF
"$python" -m build --wheel --no-isolation --outdir "$work/dist" "$work/source" >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
"$python" -m venv --without-pip "$work/venv"
borrowed=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
bare=$("$work/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
"$python" -m pip --disable-pip-version-check install --quiet --no-deps --target "$bare" "$work"/dist/*.whl
# The path file only adds a folder, so the hook of an editable installation in that folder is not run.
echo "$borrowed" >"$bare/borrowed.pth"
rm -rf "$work/source"
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
# What has run already and does not depend on how the package was installed: tests of single networks and environments,
# of many processes, of learning, training and measuring, of reports and exported graphs, of damaged files, and of the
# sources. The examples of the commands' help, which stay, train, evaluate, report and export with what is installed.
left_out="agents/attention agents/encoders agents/selection agents/text agents/translation agents/vision
    agents/test_agents.py agents/test_constant_return.py agents/test_host_waits.py
    envs/documents envs/faces envs/images envs/text envs/translation envs/test_one_lane.py envs/test_guests.py
    glimpse/training glimpse/evaluation
    glimpse/sweeps/test_real_sweep.py glimpse/sweeps/test_ray_sweep.py glimpse/sweeps/test_sweep.py
    glimpse/benchmarks/test_bench.py glimpse/benchmarks/test_peak_memory.py
    glimpse/inference/test_export_command.py glimpse/inference/test_onnx_images.py glimpse/inference/test_onnx_texts.py
    glimpse/inference/test_onnx_translations.py glimpse/inference/test_zoomed_runs.py
    glimpse/publishing/test_bits.py glimpse/reporting/test_report.py glimpse/reporting/test_report_rules.py
    glimpse/reporting/text/test_skim_report.py
    glimpse/reproduction/test_reproduce.py glimpse/reproduction/test_check.py
    glimpse/runs/test_checkpoint.py glimpse/runs/test_damaged_runs.py glimpse/runs/test_changed_data.py
    glimpse/runs/test_compiled_rollout.py glimpse/runs/test_kept_data.py glimpse/runs/test_kept_subwords.py
    glimpse/runs/test_kept_tokens.py glimpse/runs/test_tracking.py
    test_fuzz.py test_hash_seed.py test_layers.py test_notebooks.py"
for name in $left_out; do
    test -e "tests/$name" || { echo "tests/$name is not there"; exit 1; }
    set -- "$@" --ignore "tests/$name"
done
# Of the environments those tests stay that look them up; these step through all of them.
for name in vector_environment stable_baselines3_environment; do
    set -- "$@" --deselect "tests/envs/test_environments.py::test_the_${name}_equals_single_environments"
done
# Agents of the zoo stay, but are not evaluated again; configs stay, but are not checked by the schema again.
set -- "$@" --deselect tests/test_zoo.py::test_an_agent_keeps_what_its_card_promises \
    --deselect tests/glimpse/config/test_file_schema.py::test_every_shipped_config_is_right_by_the_schema
shift
OMP_NUM_THREADS=1 "$work/venv/bin/python" -m pytest -q -n 3 --dist loadgroup "$@"
