#!/usr/bin/env bash
# .ci/install.sh PACKAGE...: installs those of Debian's packages that are missing.
# They stay. It starts none of the services that they bring, but Debian enables them for the next boot.
set -euo pipefail

missing=()
for package; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "install: there is no apt-get here; what needs one of these will fail without it: ${missing[*]}" >&2
  exit 0
fi

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
# Without this file, packages of servers start them.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" install -m 755 /dev/stdin "$policy"
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
