#include "cli/plan_command.h"

namespace headrace::cli {

int plan_command(const PlanOptions& /*options*/) {
  return kCannotRun;
}

}  // namespace headrace::cli
