#!/usr/bin/env bash
# img-batch-001: a container group for Azure Container Instances, made by headrace deploy
#   headrace run /models/lite0 /in --out /out/results.jsonl --summary /out/summary.json --resume
#
# img-batch-001.sh [create|follow|wait|delete]; without a word: create, follow, wait. img-batch-001.yaml
# lies beside it. It asks for what is not set:
#   STORAGE_KEY_PICTURES: an access key of the storage account 'pictures'
set -euo pipefail

RESOURCE_GROUP=headrace
name=img-batch-001
most_restarts=5  # a job that fails each time is started again without end

create() {
  if [[ -z ${STORAGE_KEY_PICTURES:-} ]]; then  # an access key of the storage account 'pictures'
    STORAGE_KEY_PICTURES=$(az storage account keys list --account-name pictures --query '[0].value' --output tsv)
  fi
  beside=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")

  # Values never stand in a file that stays: they go into a copy that only you may read.
  text=$(<"$beside"/img-batch-001.yaml)
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

wait_for_end() {  # returns the exit code of the container
  local state code restarts
  while true; do
    look
    case $state in
      Succeeded | Failed | Stopped) break ;;
    esac
    if [[ $restarts =~ ^[0-9]+$ ]] && ((restarts > most_restarts)); then
      printf '%s failed %s times; it is stopped, for every further start is paid for\n' "$name" "$restarts" >&2
      az container stop --resource-group "$RESOURCE_GROUP" --name "$name" --output none
      return 3
    fi
    sleep "${SECONDS_BETWEEN_LOOKS:-10}"
  done
  printf '%s: %s, exit code %s, %s restarts\n' "$name" "$state" "$code" "$restarts"
  [[ $code =~ ^[0-9]+$ ]] || code=3
  return "$code"
}

delete() {  # and nothing is paid for any more; shares stay
  az container delete --resource-group "$RESOURCE_GROUP" --name "$name" --yes --output none
}

case ${1:-all} in
  create) create ;;
  follow) follow ;;
  wait) wait_for_end ;;
  delete) delete ;;
  all)
    create
    follow || true
    wait_for_end
    ;;
  *)
    printf 'usage: %s [create|follow|wait|delete]\n' "$0" >&2
    exit 2
    ;;
esac
