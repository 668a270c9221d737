#!/usr/bin/env bash
# classify: a job for Azure Container Apps, made by headrace deploy
#   headrace run /models/lite0 /in --out /out/results.jsonl --summary /out/summary.json --resume
#
# classify.sh [create|start|follow|wait|delete]; without a word: create, start, follow, wait.
# classify.yaml lies beside it. It asks for what is not set:
#   ENVIRONMENT_ID: the resource id of the Container Apps environment
# The environment must have these storages already:
#   az containerapp env storage set --storage-name models --access-mode ReadOnly \
#     --resource-group GROUP --name ENVIRONMENT --azure-file-account-name ACCOUNT \
#     --azure-file-share-name SHARE --azure-file-account-key KEY
#   az containerapp env storage set --storage-name pictures --access-mode ReadOnly \
#     --resource-group GROUP --name ENVIRONMENT --azure-file-account-name ACCOUNT \
#     --azure-file-share-name SHARE --azure-file-account-key KEY
#   az containerapp env storage set --storage-name results --access-mode ReadWrite \
#     --resource-group GROUP --name ENVIRONMENT --azure-file-account-name ACCOUNT \
#     --azure-file-share-name SHARE --azure-file-account-key KEY
# The log of an execution that has ended is in the environment's Log Analytics workspace, if it has one.
set -euo pipefail

RESOURCE_GROUP=headrace
name=classify

create() {
  if [[ -z ${ENVIRONMENT_ID:-} ]]; then  # the resource id of the Container Apps environment
    ENVIRONMENT_ID=$(az containerapp env show --resource-group "$RESOURCE_GROUP" --name vision --query id --output tsv)
  fi
  beside=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")

  # Values never stand in a file that stays: they go into a copy that only you may read.
  text=$(<"$beside"/classify.yaml)
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
  fill ENVIRONMENT_ID
  folder=$(mktemp -d)
  trap 'rm -rf -- "$folder"' EXIT
  filled=$folder/filled.yaml
  (umask 077 && printf '%s\n' "$text" >"$filled")
  az containerapp job create --resource-group "$RESOURCE_GROUP" --name "$name" --yaml "$filled" --output none
  rm -rf -- "$folder"
}

start() {  # prints what this execution is called
  az containerapp job start --resource-group "$RESOURCE_GROUP" --name "$name" --query name --output tsv
}

newest() {
  az containerapp job execution list --resource-group "$RESOURCE_GROUP" --name "$name" --output tsv --query \
    'sort_by(@, &properties.startTime)[-1].name'
}

in_vain=0
state=''
has_ended() {  # whether an execution has; sets state
  if state=$(az containerapp job execution show --resource-group "$RESOURCE_GROUP" --name "$name" \
    --job-execution-name "$1" --query properties.status --output tsv); then
    in_vain=0
  elif ((++in_vain == 10)); then
    printf '%s: nobody says how it is\n' "$1" >&2
    exit 3
  fi
  case $state in
    Succeeded | Failed | Stopped | Degraded) return 0 ;;
  esac
  return 1
}

follow() {  # the log of an execution, as soon as it has a container and until that ends
  until az containerapp job logs show --resource-group "$RESOURCE_GROUP" --name "$name" --execution "$1" \
    --container headrace --follow; do
    if has_ended "$1"; then
      printf '%s: it has ended; its log is in Log Analytics\n' "$1" >&2
      return
    fi
    sleep "${SECONDS_BETWEEN_LOOKS:-10}"
  done
}

wait_for_end() {  # of an execution; the platform says whether it succeeded, the log with which exit code
  until has_ended "$1"; do sleep "${SECONDS_BETWEEN_LOOKS:-10}"; done
  printf '%s: %s\n' "$1" "$state"
  if [[ $state != Succeeded ]]; then return 3; fi
}

delete() {  # shares stay
  az containerapp job delete --resource-group "$RESOURCE_GROUP" --name "$name" --yes --output none
}

case ${1:-all} in
  create) create ;;
  start) start ;;
  follow) follow "${2:-$(newest)}" ;;
  wait) wait_for_end "${2:-$(newest)}" ;;
  delete) delete ;;
  all)
    create
    execution=$(start)
    follow "$execution"
    wait_for_end "$execution"
    ;;
  *)
    printf 'usage: %s [create|start|follow|wait|delete] [EXECUTION]\n' "$0" >&2
    exit 2
    ;;
esac
