#!/usr/bin/env bash
# Puts toxiproxy, the proxy that delays, throttles and swallows what goes through it, into build/servers/toxiproxy. Does nothing when it is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source scripts/lib/common.sh

version=v2.5.0  # the last that Debian 12's Go compiles
target=build/servers/toxiproxy
if [[ -x $target && -f $target.version && $(<"$target.version") == "$version" ]]; then exit 0; fi

go=$(command -v go || true)
if [[ -z $go && -x /usr/local/go/bin/go ]]; then go=/usr/local/go/bin/go; fi
if [[ -z $go ]]; then fail "toxiproxy needs Go: apt-get install golang-go"; fi

mkdir -p "${target%/*}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
GOBIN=$work "$go" install -trimpath -ldflags="-s -w" "github.com/Shopify/toxiproxy/v2/cmd/server@$version"
mv "$work/server" "$target"
echo "$version" >"$target.version"
echo "toxiproxy $version: $target"
