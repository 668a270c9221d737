// A bash script of `az` commands around a file with placeholders.
//
// A key that stands in a file is in a backup a day later. So the values are asked for when the script runs, put into a
// copy of the file in a folder that only its owner may read, and gone when the script ends. Text only: nothing is run here.
#pragma once

#include <string>
#include <vector>

#include "deploy/document.h"

namespace headrace::deploy {

// "#!/usr/bin/env bash", the heading as comments, and what makes a mistake end the script.
std::string script_opening(const std::vector<std::string>& heading);

// A variable for each placeholder, or the script ends and says what it is for.
std::string script_values(const std::vector<Placeholder>& placeholders);

// `command`, a line, with `filled` defined: the path of a copy of the file `name` beside the script in which every ${NAME}
// of YAML is its value. The copy is gone when the command has ended, or the script before it. A value may have several
// lines; one with other control characters ends the script. Needs script_values() of the same placeholders before it.
std::string script_filled(const std::string& name, const std::vector<Placeholder>& placeholders,
                          const std::string& command);

// A function of the script with these lines in it, which come without a margin.
std::string script_function(const std::string& name, const std::string& lines);

}  // namespace headrace::deploy
