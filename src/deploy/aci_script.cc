#include <fmt/format.h>

#include <string>

#include "deploy/aci.h"
#include "deploy/script.h"

namespace headrace::deploy::aci {
namespace {

constexpr unsigned kMostRestarts = 5;  // of a job, before the script ends it

constexpr const char* kFollow = R"sh(
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
)sh";

constexpr const char* kWaitOfJob = R"sh(
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
)sh";

constexpr const char* kWaitOfServer = R"sh(
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
)sh";

// A group has an address where it has a door, and a name where it was given one.
constexpr const char* kAddress =
    R"sh(  az container show --resource-group "$RESOURCE_GROUP" --name "$name" --output tsv --query \
    'join(`":"`, [ipAddress.fqdn || ipAddress.ip, to_string(ipAddress.ports[0].port)])'
}
)sh";
constexpr const char* kNoAddress = R"sh(  printf '%s: %s\n' "$name" "$state"
}
)sh";

constexpr const char* kDelete = R"sh(
delete() {  # and nothing is paid for any more; shares stay
  az container delete --resource-group "$RESOURCE_GROUP" --name "$name" --yes --output none
}

)sh";

std::string create_function(const Deployment& d, const std::vector<Placeholder>& asked) {
  return script_function(
      "create", script_values(asked) +
                    script_filled(d.name + ".yaml", asked,
                                  "az container create --resource-group \"$RESOURCE_GROUP\" --file "
                                  "\"$filled\" --output none\n"));
}

std::string wait_function(const Deployment& d) {
  if (d.work == Work::job) return kWaitOfJob;
  return std::string(kWaitOfServer) + (d.ports.empty() ? kNoAddress : kAddress);
}

}  // namespace

std::string script(const Deployment& d, const Node& tree) {
  const std::vector<Placeholder> asked = placeholders(tree);
  const bool job = d.work == Work::job;
  const std::string all = job ? "create, follow, wait" : "create, wait";
  std::string out = script_opening(heading(
      d,
      fmt::format(
          "{0}.sh [create|follow|wait|delete]; without a word: {1}. {0}.yaml lies beside it.{2}",
          d.name, all, asked.empty() ? "" : " It asks for what is not set:"),
      asked, true));
  out += d.resource_group.empty()
             ? std::string(
                   ": \"${RESOURCE_GROUP:?set it to the resource group that it shall be in}\"\n")
             : "RESOURCE_GROUP=" + shell_text(d.resource_group) + "\n";
  out += "name=" + shell_text(d.name) + "\n";
  if (job)
    out +=
        fmt::format("most_restarts={}  # a job that fails each time is started again without end\n",
                    kMostRestarts);
  out += "\n" + create_function(d, asked) + kFollow + wait_function(d) + kDelete;
  const std::string wait = job ? "wait_for_end" : "wait_for_start";
  out += "case ${1:-all} in\n  create) create ;;\n  follow) follow ;;\n  wait) " + wait +
         " ;;\n  delete) delete ;;\n  all)\n    create\n";
  if (job) out += "    follow || true\n";
  out += "    " + wait +
         "\n    ;;\n  *)\n    printf 'usage: %s [create|follow|wait|delete]\\n' \"$0\" >&2\n    "
         "exit 2\n    ;;\nesac\n";
  return out;
}

}  // namespace headrace::deploy::aci
