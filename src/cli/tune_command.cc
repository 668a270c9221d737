#include "cli/tune_command.h"

namespace headrace::cli {

int tune_command(const TuneOptions& /*options*/) {
  return kCannotRun;
}

}  // namespace headrace::cli
