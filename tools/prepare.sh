# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# Prepares the machine: Debian packages, the virtual environment, the build. Sourced by ../semcom, whose variables
# it uses. A step leaves its mark only once it is whole, so a run after an interrupt goes on where the last one was.

log=$state/prepare.log
torch_index=https://download.pytorch.org/whl/cpu
as_root=()

prepare_machine() {
    local missing=()
    mkdir -p "$state" 2>/dev/null || die "cannot write $root: run as its owner, $(stat -c %U "$root")."
    [[ -w $state ]] || die "cannot write $state: run as its owner, $(stat -c %U "$state")."
    exec 9>"$state/lock"
    if ! flock -n 9; then
        say "Another ./semcom is preparing this machine; waiting for it."
        flock 9
    fi
    : >"$log"
    mapfile -t missing < <(missing_packages)
    announce "$1"
    ((${#missing[@]} == 0)) || install_packages "${missing[@]}"
    venv_is_ready || make_venv
    if [[ $1 == radio ]] && ! build_is_ready; then
        check_python radio
        step "Building gr-semcom" "" build_blocks
    fi
    if [[ $1 == training ]] && ! training_is_ready; then
        step "Fetching TensorBoard and Ray" "" install_training
        venv_key >"$venv/.ready-training"
    fi
    exec 9>&-
}

announce() {
    local torch="PyTorch for the CPU" size="about 400 MB to fetch, 1.5 GB on disk"
    if has_nvidia_gpu; then
        torch="PyTorch with CUDA" size="several GB"
    fi
    if ((${#missing[@]})) || ! venv_is_ready; then
        say "gr-semcom prepares this machine: 4 to 8 minutes on two cores from nothing, no more than once."
    fi
    if ((${#missing[@]})); then
        say "  * Debian packages by apt-get (from nothing about 370 MB to fetch, 1.7 GB on disk): ${missing[*]}"
    fi
    if [[ $1 == training ]] && ! training_is_ready; then
        say "  * for training, TensorBoard and Ray into .semcom/venv (about 100 MB to fetch, 260 MB on disk)"
    fi
    if ! venv_is_ready; then
        say "  * Python packages into .semcom/venv ($size): $torch, OpenVINO, scikit-image and others"
        say "  * the build of the GNU Radio blocks in .semcom/build"
        say "Nothing else outside .semcom is changed. The log is $log."
    fi
}

# --- Progress and failure ---

say() { printf '%s\n' "$*" >&2; }

elapsed() { printf '%dm%02ds' $((SECONDS / 60)) $((SECONDS % 60)); }

# step TITLE ADVICE FUNCTION ARGS...: runs FUNCTION with its output in the log and shows the time it takes. ADVICE
# says what to do if it fails; empty for what the log suggests.
step() {
    local title=$1 advice=$2 status spinner=
    shift 2
    SECONDS=0
    printf '\n=== %s\n' "$title" >>"$log"
    if [[ -t 2 ]]; then
        spin "$title" &
        spinner=$!
        trap 'kill "$spinner" 2>/dev/null' EXIT
    else
        say "  $title ..."
    fi
    trap 'say; say "semcom: interrupted; run the same command again to go on."; exit 130' INT
    set +e
    (set -e; "$@") >>"$log" 2>&1 9>&-
    status=$?
    set -e
    trap - INT
    if [[ -n $spinner ]]; then
        trap - EXIT
        kill "$spinner"
        wait "$spinner" 2>/dev/null || true
        printf '\r\e[K' >&2
    fi
    ((status == 0)) || fail "$title" "$advice"
    say "  $title: done in $(elapsed)"
}

spin() {
    local frame
    exec 9>&-
    while kill -0 $$ 2>/dev/null; do
        for frame in . .. ...; do
            printf '\r\e[K  %s %s %s' "$1" "$frame" "$(elapsed)" >&2
            sleep 0.5
        done
    done
}

fail() {
    local output advice=$2
    output=$(awk '/^=== / {text = ""} {text = text $0 "\n"} END {printf "%s", text}' "$log")
    if [[ $output == *"No space left on device"* ]]; then
        advice="The disk is full: free about 4 GB, then run the same command again."
    elif [[ -z $advice && $output =~ (Temporary failure|Could not resolve|Could not connect|NewConnectionError|NameResolutionError|ConnectTimeout|Network is unreachable) ]]; then
        advice="A server could not be reached: check the network, then run the same command again."
    fi
    say "  $1: failed after $(elapsed). The end of $log:"
    tail -n 12 <<<"$output" | sed 's/^/    | /' >&2
    die "${advice:-Mend what the log complains about, then run the same command again.}"
}

# --- Debian packages ---

# The Debian package of each thing that this machine lacks. Looks for the thing and not for the package: a GNU Radio
# that was built from source serves, and so does another distribution's.
missing_packages() {
    # An interrupted apt-get leaves packages that are there and not configured.
    if [[ -e $state/apt-get.unfinished || $(gnuradio-config-info --version 2>/dev/null) != 3.10.* ]]; then
        echo gnuradio
    fi
    [[ -e $(gnuradio-config-info --prefix 2>/dev/null)/include/gnuradio/block.h ]] || echo gnuradio-dev
    command -v cmake >/dev/null || echo cmake
    command -v make >/dev/null || echo make
    command -v c++ >/dev/null || echo g++
    c++ -E -include zmq.h -x c++ /dev/null >/dev/null 2>&1 || echo libzmq3-dev
    c++ -E -include uhd/version.hpp -x c++ /dev/null >/dev/null 2>&1 || echo libuhd-dev
    command -v uhd_usrp_probe >/dev/null || echo uhd-host
    [[ -z ${SEMCOM_PYTHON:-} ]] || return 0
    /usr/bin/python3 -c 'import ensurepip' 2>/dev/null || echo python3-venv
    /usr/bin/python3 -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null ||
        echo python3-dev
    /usr/bin/python3 -c 'import gi; gi.require_version("Gtk", "3.0")' 2>/dev/null || echo gir1.2-gtk-3.0
    # Without it matplotlib cannot draw in a Qt window, and gr-qtgui asks for a matplotlib that is there.
    /usr/bin/python3 -c 'from PyQt5 import QtSvg' 2>/dev/null || echo python3-pyqt5.qtsvg
}

install_packages() {
    command -v apt-get >/dev/null ||
        die "there is no apt-get here: install what Debian calls $* (GNU Radio has to be 3.10), then run this again."
    if [[ $(id -u) != 0 ]]; then
        become_root "$@"
    fi
    step "Installing Debian packages" "" apt_get_install "$@"
    rm "$state/apt-get.unfinished"
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]} == 0)) ||
        die "apt-get installed the packages, yet this is still missing: ${missing[*]}. See $log."
}

# Sets as_root. Asks for the password here, before the progress line; without a terminal nobody could type it.
become_root() {
    local ask=(-v)
    [[ -t 0 ]] || ask=(-n true)
    if ! command -v sudo >/dev/null || ! sudo "${ask[@]}" 2>/dev/null; then
        die "these packages are missing, and only root or sudo can install them. Ask an administrator to run:
  apt-get update && apt-get install --no-install-recommends $*
then run this again."
    fi
    as_root=(sudo)
}

apt_get_install() {
    if [[ -e $state/apt-get.unfinished ]]; then
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive dpkg --configure -a </dev/null
    fi
    touch "$state/apt-get.unfinished"
    # Old or absent package lists are the usual reason for a first try to fail.
    run_apt_get install --no-install-recommends "$@" ||
        { run_apt_get update && run_apt_get install --no-install-recommends "$@"; }
}

run_apt_get() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300 "$@"
}

# --- The virtual environment ---

has_nvidia_gpu() {
    [[ -e /proc/driver/nvidia/version ]] || nvidia-smi -L >/dev/null 2>&1
}

make_venv() {
    step "Making the virtual environment" "" create_venv
    if ! has_nvidia_gpu; then
        step "Fetching PyTorch for the CPU" "Check the network: $torch_index could not \
be reached or has no wheel for this machine, nor have pip's other sources. The usual wheel would bring several GB of \
CUDA and is not fetched unasked; docs/install.md tells other ways." install_cpu_torch
    fi
    step "Fetching the other Python packages" "" install_requirements
    venv_key >"$venv/.ready"
}

# An environment without the mark was interrupted half-way; one for another place or Python cannot be mended.
create_venv() {
    local clear=--clear
    if [[ $(head -n 2 "$venv/.ready" 2>/dev/null) == "$(venv_key | head -n 2)" ]]; then
        clear=
    fi
    rm -f "$venv/.ready" "$venv/.ready-training"
    /usr/bin/python3 -m venv --system-site-packages ${clear:+$clear} "$venv"
    local packages
    packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    printf '%s\n' "$root/models" "$root/training" "$prefix/python" >"$packages/gr-semcom.pth"
    requirements dependencies test >"$state/requirements.txt"
    requirements training >"$state/requirements-training.txt"
}

# What pyproject.toml pins under these names.
requirements() {
    "$venv/bin/python" - "$root/pyproject.toml" "$@" <<'END'
import sys, tomllib
project = tomllib.load(open(sys.argv[1], "rb"))["project"]
for name in sys.argv[2:]:
    print(*(project.get(name) or project["optional-dependencies"][name]), sep="\n")
END
}

# The local version "+cpu" keeps pip from ever choosing a CUDA wheel. Its dependencies come with the others: each
# look-up costs a time-out where the index cannot be reached.
install_cpu_torch() {
    pip_install --no-deps --retries 1 --timeout 10 --extra-index-url "$torch_index" \
        "$(grep '^torch==' "$state/requirements.txt")+cpu"
}

install_requirements() {
    pip_install --requirement "$state/requirements.txt"
    "$venv/bin/python" -c 'import matplotlib, openvino, skimage, torch
from gnuradio import gr'
}

# With the others, lest any of those change.
install_training() {
    pip_install --requirement "$state/requirements.txt" --requirement "$state/requirements-training.txt"
}

pip_install() {
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off "$@"
}

# --- The build ---

# What runs; the tests, which take longer to build, come with ./semcom test.
build_blocks() {
    if [[ $(cat "$build/made-for" 2>/dev/null) != "$(build_key)" ]]; then
        rm -rf "$build" "$prefix"
        mkdir "$build"
        build_key >"$build/made-for"
    fi
    # The mark's time is that of the start, so what is edited meanwhile is built the next time.
    touch "$build/made-for"
    configure
    cmake --build "$build" --parallel "$(nproc)" --target semcom_python uhd_virtual flowgraphs
    rm -rf "$prefix"
    cmake --install "$build"
    "$python" -c 'from gnuradio import semcom'
    cp --preserve=timestamps "$build/made-for" "$prefix/.ready"
}

build_phy_bench() {
    configure
    cmake --build "$build" --parallel "$(nproc)" --target phy_bench
}

build_tests() {
    configure
    cmake --build "$build" --parallel "$(nproc)"
}

# The Python that the blocks are built for is the one that GNU Radio was built for.
configure() {
    cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix" \
        -DGR_PYTHON_DIR=python -DSEMCOM_TEST_PYTHON="$python"
}
