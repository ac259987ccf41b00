#!/usr/bin/env bash
# Puts Swagger UI (npm package swagger-ui-dist), which the page /docs consists of, into build/cache/swagger-ui. Does nothing when it is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source scripts/lib/common.sh

# A new version: its check sum is that of what `npm pack` brings. Then run acceptance.docs_page, which looks for icons that page.css does not know yet.
version=5.35.0
sha512=534eaba4cb56f55dd73c638179a993512af4674f63317e0826e00da44fc465b021c341bc0a0c2bcd4e18997927fe1d3008336c5dd19aad334d1c2dec53cc9551
target=build/cache/swagger-ui
if [[ -f $target/.version && $(<"$target/.version") == "$version" ]]; then exit 0; fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --loglevel=error "swagger-ui-dist@$version" >/dev/null) || fail "npm could not bring swagger-ui-dist@$version; what it said stands above"
sha512sum --quiet -c <<<"$sha512  $work/swagger-ui-dist-$version.tgz" || fail "swagger-ui-dist@$version is not what it was when its version was chosen: its check sum differs"
rm -rf "$target"
mkdir -p "$target"
tar xzf "$work/swagger-ui-dist-$version.tgz" -C "$target" --strip-components=1 --wildcards \
  package/LICENSE package/NOTICE package/favicon-32x32.png package/swagger-ui.css package/swagger-ui-bundle.js package/swagger-ui-bundle.js.LICENSE.txt
echo "$version" >"$target/.version"
echo "Swagger UI $version: $target"
