#!/usr/bin/env bash
# Makes the frozen vectors with real kubeseal 0.27.1. Usage: make.sh KUBESEAL
set -eu
kubeseal=$(realpath "$1")
cd "$(dirname "$0")"
keys=../../../keys
export HOME=/nonexistent

: > raw.tsv
for key in test-only-2048 test-only-3072 test-only-4096 test-only-8192; do
  for scope in strict namespace-wide cluster-wide; do
    for value in '' 'eA==' '//4AgA0Kwyg=' 'bGluZQoKDQo=' 'cMOkc3N3w7ZyZCDwn5SRICRIT01F' "$(seq 1 400 | base64 -w0)"; do
      sealed=$(printf %s "$value" | base64 -d |
        "$kubeseal" --raw --cert "$keys/$key.crt.pem" --scope "$scope" --namespace team-a --name app)
      printf '%s\t%s\t%s\t%s\n' "$key" "$scope" "$value" "$sealed" >> raw.tsv
    done
  done
done

# name, then the flags of kubeseal
seal() {
  local name=$1
  shift
  "$kubeseal" -o yaml --cert "$keys/test-only-2048.crt.pem" "$@" < "manifests/$name.secret.yaml" > "manifests/$name.sealed.yaml"
}
open() {
  "$kubeseal" --recovery-unseal -o yaml --recovery-private-key "$keys/test-only-2048.key.pem" \
    < "manifests/$1.sealed.yaml" > "manifests/$1.opened.yaml"
}

seal plain; open plain
seal typed; open typed
seal immutable; open immutable
seal annotated-namespace; open annotated-namespace
seal flagged-cluster --scope cluster-wide; open flagged-cluster
seal metadata; open metadata

# Templates, put in after sealing as people do.
seal edited-template
sed -i 's/^  template:$/  template:\n    data:\n      config.ini: "[db]\\nuser={{ .user }}\\npassword={{ .password | b64enc }}\\n"\n      user: "{{ .user | upper }}"/' \
  manifests/edited-template.sealed.yaml
open edited-template

# Renamed under cluster-wide scope, items renamed, owner reference switched off.
seal edited-moved --scope cluster-wide
sed -i -e 's/^  name: .*/  name: elsewhere/' -e 's/^  namespace: .*/  namespace: team-z/' -e 's/^    password: /    renamed: /' \
  -e 's/^        sealedsecrets.bitnami.com\/cluster-wide: "true"/&\n        sealedsecrets.bitnami.com\/skip-set-owner-references: "true"/' \
  manifests/edited-moved.sealed.yaml
open edited-moved
