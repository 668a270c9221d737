#!/usr/bin/env bash
# classify: a job for Azure Container Apps, made by headrace deploy
#   headrace run /models/lite0 /in --out /out/results.jsonl --summary /out/summary.json --resume
#
# classify.sh [create|start|follow|wait|delete]; without a word: create, start, follow, wait.
# classify.yaml lies beside it. It asks for what is not set:
#   ENVIRONMENT_ID: the resource id of the Container Apps environment
# The environment must have these storages already:
#   az containerapp env storage set --storage-name models --access-mode ReadOnly ...
#   az containerapp env storage set --storage-name pictures --access-mode ReadOnly ...
#   az containerapp env storage set --storage-name results --access-mode ReadWrite ...
set -euo pipefail

RESOURCE_GROUP=headrace
name=classify

create() {
  if [[ -z ${ENVIRONMENT_ID:-} ]]; then  # the resource id of the Container Apps environment
    ENVIRONMENT_ID=$(az containerapp env show --resource-group "$RESOURCE_GROUP" --name vision --query id --output tsv)
  fi
  beside=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

  # Values never stand in a file that stays: they go into a copy that only you may read.
  text=$(<"$beside"/classify.yaml)
  fill() {
    local value=${!1}
    if [[ $value == *[$'\001'-$'\037']* ]]; then
      printf '%s must be one line, without control characters\n' "$1" >&2
      exit 2
    fi
    value=${value//\\/\\\\}
    value=${value//\"/\\\"}
    local place="\"\${$1}\""
    text=${text//"$place"/"\"$value\""}
  }
  fill ENVIRONMENT_ID
  folder=$(mktemp -d)
  trap 'rm -rf -- "$folder"' EXIT
  filled=$folder/filled.yaml
  (umask 077 && printf '%s\n' "$text" >"$filled")
  az containerapp job create --resource-group "$RESOURCE_GROUP" --name "$name" --yaml "$filled" --output none
}

start() {  # prints what this execution is called
  az containerapp job start --resource-group "$RESOURCE_GROUP" --name "$name" --query name --output tsv
}

newest() {
  az containerapp job execution list --resource-group "$RESOURCE_GROUP" --name "$name" --output tsv --query \
    'sort_by(@, &properties.startTime)[-1].name'
}

follow() {  # the log of an execution, until its container ends
  az containerapp job logs show --resource-group "$RESOURCE_GROUP" --name "$name" --execution "$1" \
    --container headrace --follow
}

in_vain=0
wait_for_end() {  # of an execution; the platform says whether it succeeded, the log with which exit code
  local state=''
  while true; do
    if state=$(az containerapp job execution show --resource-group "$RESOURCE_GROUP" --name "$name" \
      --job-execution-name "$1" --query properties.status --output tsv); then
      in_vain=0
    elif ((++in_vain == 10)); then
      printf '%s: nobody says how it is\n' "$1" >&2
      exit 3
    fi
    case $state in
      Succeeded | Failed | Stopped | Degraded) break ;;
    esac
    sleep "${SECONDS_BETWEEN_LOOKS:-10}"
  done
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
    follow "$execution" || true
    wait_for_end "$execution"
    ;;
  *)
    printf 'usage: %s [create|start|follow|wait|delete] [EXECUTION]\n' "$0" >&2
    exit 2
    ;;
esac
