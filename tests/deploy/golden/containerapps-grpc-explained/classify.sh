#!/usr/bin/env bash
# classify: an app for Azure Container Apps, made by headrace deploy
#   headrace serve /models/lite0 --http 127.0.0.1:8080 --grpc 0.0.0.0:8001
#
# classify.sh [create|follow|wait|delete]; without a word: create, wait. classify.yaml lies beside it.
set -euo pipefail

: "${RESOURCE_GROUP:?set it to the resource group that it shall be in}"
name=classify

create() {
  beside=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
  filled=$beside/classify.yaml
  az containerapp create --resource-group "$RESOURCE_GROUP" --name "$name" --yaml "$filled" --output none
}

follow() {  # the log of one replica, until this is interrupted
  az containerapp logs show --resource-group "$RESOURCE_GROUP" --name "$name" --follow
}

in_vain=0
not_known() {  # what az could not say; ends the script when that goes on
  if ((++in_vain < 10)); then return; fi
  printf '%s: nobody says how it is\n' "$name" >&2
  exit 3
}

wait_for_start() {  # until its newest revision is ready; prints its address
  local answer latest='' ready='' state=''
  while true; do
    if answer=$(az containerapp show --resource-group "$RESOURCE_GROUP" --name "$name" --output tsv --query \
      '[[properties.latestRevisionName, properties.latestReadyRevisionName]]'); then
      IFS=$'\t' read -r latest ready <<<"$answer" || true
    fi
    if [[ $latest == None ]]; then latest=''; fi  # as az writes nothing
    if [[ -n $latest && $latest == "$ready" ]]; then break; fi
    if [[ -n $latest ]] && state=$(az containerapp revision show --resource-group "$RESOURCE_GROUP" --name "$name" \
      --revision "$latest" --query properties.runningState --output tsv); then
      in_vain=0
    else
      not_known
    fi
    if [[ $state == Failed || $state == Degraded ]]; then
      printf '%s is %s; its containers and restarts:\n' "$latest" "$state" >&2
      az containerapp replica list --resource-group "$RESOURCE_GROUP" --name "$name" --output table --query \
        '[].properties.containers[].{name: name, state: runningState, why: runningStateDetails, restarts: restartCount}' >&2
      return 3
    fi
    sleep "${SECONDS_BETWEEN_LOOKS:-10}"
  done
  az containerapp show --resource-group "$RESOURCE_GROUP" --name "$name" --output tsv --query \
    properties.configuration.ingress.fqdn
}

delete() {  # and nothing is paid for any more; shares stay
  az containerapp delete --resource-group "$RESOURCE_GROUP" --name "$name" --yes --output none
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
