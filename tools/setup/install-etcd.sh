#!/usr/bin/env bash
# Brings the real etcd and etcdctl, the referees of the differential tests, as Debian packages them. The newest Debian
# has (3.5) is unpacked under .setup/etcd and touches nothing else; where that fails the release's own (3.4) is
# installed. Needs a Debian machine, and root for the fall-back.
set -uo pipefail
cd "$(dirname "$0")/../.."
target="$PWD/.setup/etcd"
[ -x "$target/usr/bin/etcd" ] && [ -x "$target/usr/bin/etcdctl" ] && exit 0
command -v apt-get >/dev/null || { echo "not a Debian machine: the tests that need a real etcd will say they were skipped"; exit 0; }

unpack_newest() {
  local work mirror keys options
  work=$(mktemp -d) || return 1
  mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null | grep -v '^#' | grep -oE 'https?://[^ ]+/debian/?' | head -n 1)
  keys=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -n "$mirror" ] && [ -r "$keys" ] || return 1
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
  echo "deb [signed-by=$keys] $mirror sid main" >"$work/sid.list"
  options=(-q -o "Dir::Etc::sourcelist=$work/sid.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$work/lists"
    -o "Dir::Cache=$work/cache" -o Acquire::Languages=none -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update >/dev/null || return 1
  (cd "$work" && apt-get "${options[@]}" download etcd-server etcd-client >/dev/null) || return 1
  mkdir -p "$target" || return 1
  for package in "$work"/*.deb; do dpkg -x "$package" "$target" || return 1; done
  rm -rf "$work"
  "$target/usr/bin/etcd" --version >/dev/null && "$target/usr/bin/etcdctl" version >/dev/null
}

if unpack_newest; then
  echo "etcd $("$target/usr/bin/etcd" --version | sed -n 's/^etcd Version: //p') is in .setup/etcd"
  exit 0
fi
rm -rf "$target"
if [ "$(id -u)" = 0 ]; then
  apt-get update -qq || true
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq etcd-server etcd-client >/dev/null && exit 0
fi
echo "could not install etcd: the tests that need it will say they were skipped"
