#!/usr/bin/env bash
# classify: an app for Azure Container Apps, made by headrace deploy
#   headrace serve /models/lite0 --grpc 0.0.0.0:8001 --token-file /run/secrets/headrace/token
#
# classify.sh [create|follow|wait|delete]; without a word: create, wait. classify.yaml lies beside it. It
# asks for what is not set:
#   LOCATION: the region that it runs in, such as westeurope
#   ENVIRONMENT_ID: the resource id of the Container Apps environment
#   API_TOKEN: the value of API_TOKEN in the container
#   SHARED: the value of the secret 'shared'
#   SECRET_SECRETS_TOKEN: what is in the file /run/secrets/headrace/token
#   REGISTRY_PASSWORD: the password of 'puller' at registry.example
# The environment must have these storages already:
#   az containerapp env storage set --storage-name models --access-mode ReadOnly \
#     --resource-group GROUP --name ENVIRONMENT --azure-file-account-name ACCOUNT \
#     --azure-file-share-name SHARE --azure-file-account-key KEY
set -euo pipefail

: "${RESOURCE_GROUP:?set it to the resource group that it shall be in}"
name=classify

create() {
  if [[ -z ${LOCATION:-} ]]; then  # the region that it runs in, such as westeurope
    LOCATION=$(az containerapp env show --resource-group "$RESOURCE_GROUP" --name vision --query location --output tsv)
  fi
  if [[ -z ${ENVIRONMENT_ID:-} ]]; then  # the resource id of the Container Apps environment
    ENVIRONMENT_ID=$(az containerapp env show --resource-group "$RESOURCE_GROUP" --name vision --query id --output tsv)
  fi
  : "${API_TOKEN:?set it to the value of API_TOKEN in the container}"
  : "${SHARED:?set it to the value of the secret 'shared'}"
  if [[ -z ${SECRET_SECRETS_TOKEN:-} ]]; then  # what is in the file /run/secrets/headrace/token
    SECRET_SECRETS_TOKEN=$(cat -- "${SECRET_SECRETS_TOKEN_FILE:?set it to the file that becomes /run/secrets/headrace/token}")
  fi
  : "${REGISTRY_PASSWORD:?set it to the password of 'puller' at registry.example}"
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
  fill LOCATION
  fill ENVIRONMENT_ID
  fill API_TOKEN
  fill SHARED
  fill SECRET_SECRETS_TOKEN
  fill REGISTRY_PASSWORD
  folder=$(mktemp -d)
  trap 'rm -rf -- "$folder"' EXIT
  filled=$folder/filled.yaml
  (umask 077 && printf '%s\n' "$text" >"$filled")
  az containerapp create --resource-group "$RESOURCE_GROUP" --name "$name" --yaml "$filled" --output none
  rm -rf -- "$folder"
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
