#!/usr/bin/env bash
# classify-grpc: a container group for Azure Container Instances, made by headrace deploy
#   headrace serve /models/lite0 --http 127.0.0.1:8080 --grpc 0.0.0.0:8001
#
# classify-grpc.sh [create|follow|wait|delete]; without a word: create, wait. classify-grpc.yaml lies
# beside it. It asks for what is not set:
#   LOCATION: the region that it runs in, such as westeurope
#   STORAGE_KEY_PICTURES: an access key of the storage account 'pictures'
set -euo pipefail

: "${RESOURCE_GROUP:?set it to the resource group that it shall be in}"
name=classify-grpc

create() {
  if [[ -z ${LOCATION:-} ]]; then  # the region that it runs in, such as westeurope
    LOCATION=$(az group show --name "$RESOURCE_GROUP" --query location --output tsv)
  fi
  if [[ -z ${STORAGE_KEY_PICTURES:-} ]]; then  # an access key of the storage account 'pictures'
    STORAGE_KEY_PICTURES=$(az storage account keys list --account-name pictures --query '[0].value' --output tsv)
  fi
  beside=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")

  # Values never stand in a file that stays: they go into a copy that only you may read.
  text=$(<"$beside"/classify-grpc.yaml)
  fill() {
    local LC_ALL=C value=${!1}
    value=${value//\\/\\\\}
    value=${value//\"/\\\"}
    value=${value//$'\n'/'\n'}
    value=${value//$'\r'/'\r'}
    value=${value//$'\t'/'\t'}
    # What is left of control characters, and U+0080 to U+009F, U+2028, U+2029, which a YAML reader does not take as they are.
    if [[ $value == *[$'\001'-$'\037'$'\177']* || $value == *$'\302'[$'\200'-$'\237']* ||
      $value == *$'\342\200'[$'\250'$'\251']* ]]; then
      printf '%s holds a control character, which cannot be filled in\n' "$1" >&2
      exit 2
    fi
    local place="\"\${$1}\""
    text=${text//"$place"/"\"$value\""}
  }
  fill LOCATION
  fill STORAGE_KEY_PICTURES
  folder=$(mktemp -d)
  trap 'rm -rf -- "$folder"' EXIT
  filled=$folder/filled.yaml
  (umask 077 && printf '%s\n' "$text" >"$filled")
  az container create --resource-group "$RESOURCE_GROUP" --file "$filled" --output none
  rm -rf -- "$folder"
}

follow() {  # the log, until the container ends
  az container logs --resource-group "$RESOURCE_GROUP" --name "$name" --follow
}

in_vain=0
look() {  # sets state, code and restarts
  local answer
  state='' code='' restarts=''
  if answer=$(az container show --resource-group "$RESOURCE_GROUP" --name "$name" --output tsv --query \
    '[[instanceView.state, to_string(containers[0].instanceView.currentState.exitCode), to_string(containers[0].instanceView.restartCount)]]'); then
    in_vain=0
    IFS=$'\t' read -r state code restarts <<<"$answer" || true
  elif ((++in_vain == 10)); then
    printf '%s: nobody says how it is\n' "$name" >&2
    exit 3
  fi
}

wait_for_start() {  # until it runs; prints where, if others get to it
  local state code restarts
  while true; do
    look
    case $state in
      Running) break ;;
      Failed | Stopped)
        printf '%s: %s, exit code %s, %s restarts\n' "$name" "$state" "$code" "$restarts" >&2
        return 3
        ;;
    esac
    sleep "${SECONDS_BETWEEN_LOOKS:-10}"
  done
  az container show --resource-group "$RESOURCE_GROUP" --name "$name" --output tsv --query \
    'join(`":"`, [ipAddress.fqdn || ipAddress.ip, to_string(ipAddress.ports[0].port)])'
}

delete() {  # and nothing is paid for any more; shares stay
  az container delete --resource-group "$RESOURCE_GROUP" --name "$name" --yes --output none
}

case ${1:-all} in
  create) create ;;
  follow) follow ;;
  wait) wait_for_start ;;
  delete) delete ;;
  all)
    create
    wait_for_start
    ;;
  *)
    printf 'usage: %s [create|follow|wait|delete]\n' "$0" >&2
    exit 2
    ;;
esac
