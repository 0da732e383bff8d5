#!/bin/sh
# Makes keys/ and sealed/ beside this script with age 1.3.2, sops 3.13.3 and ssh-keygen. Usage: make.sh FOLDER_WITH_PROGRAMS
# (age, age-keygen, age-plugin-batchpass: go install filippo.io/age/cmd/...@v1.3.2;
# sops: go install github.com/getsops/sops/v3/cmd/sops@v3.13.3).
# Every key here is for tests only. A second run gives other bytes with the same meaning; SSH keys are made where they lack.
set -eu
PATH="$1:$PATH"; export PATH
cd "$(dirname "$0")"
mkdir -p keys sealed
# The data key: 32 bytes, as SOPS has.
printf 'hecate-seal: a data key, frozen.' > data-key

ssh_key() { # NAME TYPE PASSPHRASE FLAGS…
    [ -e "keys/$1" ] || { n=$1 t=$2 p=$3; shift 3; ssh-keygen -q -t "$t" -C "test only: $n" -N "$p" "$@" -f "keys/$n"; }
}
pass='correct horse'
ssh_key ssh-ed25519 ed25519 ''
ssh_key ssh-ed25519-ctr ed25519 "$pass"
ssh_key ssh-ed25519-cbc ed25519 "$pass" -Z aes256-cbc
ssh_key ssh-ed25519-gcm ed25519 "$pass" -Z aes256-gcm@openssh.com
ssh_key ssh-rsa rsa '' -b 2048
ssh_key ssh-rsa-3072 rsa '' -b 3072
ssh_key ssh-rsa-ctr rsa "$pass" -b 2048
ssh_key ssh-rsa-pkcs1 rsa '' -b 2048 -m PEM
ssh_key ssh-rsa-pkcs8 rsa '' -b 2048 -m PKCS8
ssh_key ssh-rsa-pkcs1-locked rsa "$pass" -b 2048 -m PEM
ssh_key ssh-ecdsa ecdsa ''
[ -e keys/ssh-ed25519-pkcs8 ] || openssl genpkey -algorithm ed25519 -out keys/ssh-ed25519-pkcs8
rm -f keys/ssh-ecdsa.pub keys/ssh-ed25519-gcm.pub keys/ssh-rsa-pkcs1-locked.pub

[ -e keys/x25519 ] || age-keygen -o keys/x25519
[ -e keys/hybrid ] || age-keygen -pq -o keys/hybrid
age-keygen -y keys/x25519 > keys/x25519.pub
age-keygen -y keys/hybrid > keys/hybrid.pub

for name in x25519 hybrid ssh-ed25519 ssh-ed25519-ctr ssh-ed25519-cbc ssh-rsa ssh-rsa-3072 ssh-rsa-ctr ssh-rsa-pkcs1 ssh-rsa-pkcs8; do
    age -a -R "keys/$name.pub" -o "sealed/$name.age" data-key
done
age -a -R keys/ssh-rsa.pub -R keys/x25519.pub -R keys/ssh-ed25519.pub -o sealed/several.age data-key

# Identity files under a passphrase, as `age -p` makes them, with little work for the tests.
AGE_PASSPHRASE=$pass AGE_PASSPHRASE_WORK_FACTOR=10
export AGE_PASSPHRASE AGE_PASSPHRASE_WORK_FACTOR
cat keys/x25519 keys/hybrid | age -e -a -j batchpass -o keys/locked.age
cat keys/x25519 keys/hybrid | age -e -j batchpass -o keys/locked-binary.age
printf '# none\n' | age -e -a -j batchpass -o keys/locked-empty.age
cat keys/x25519.pub | age -e -a -j batchpass -o keys/locked-bad.age
age -e -a -R keys/x25519.pub -o keys/not-locked.age keys/hybrid
chmod 600 keys/*

# A file of sops for every kind of recipient at once, and its data key as age gives it.
recipients=
for name in x25519 hybrid ssh-ed25519 ssh-ed25519-ctr ssh-rsa ssh-rsa-3072; do
    recipients="$recipients${recipients:+,}$(cat "keys/$name.pub")"
done
printf '{"password": "hunter2"}' | sops encrypt --input-type json --output-type json --filename-override x.json \
    --age "$recipients" > sealed/sops.json
python3 -c 'import json; print(json.load(open("sealed/sops.json"))["sops"]["age"][0]["enc"])' \
    | age -d -i keys/x25519 > sops-data-key
