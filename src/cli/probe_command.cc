#include "cli/probe_command.h"

namespace headrace::cli {

int probe_command(const ProbeOptions& /*options*/) {
  return kCannotRun;
}

}  // namespace headrace::cli
