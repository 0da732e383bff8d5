#!/usr/bin/env bash
# Makes whatever is missing of the TEST-ONLY keys and certificates beside it; what exists stays. Needs Go.
set -eu
cd "$(dirname "$0")"
GODEBUG=rsa1024min=0 go run make.go
