// The text of a model.toml, as a Model whose model file has not been looked at yet.
//
// Owns what can be known from the text alone (and the labels file it names): keys, types, words,
// ranges. What follows from the shapes of the model file is settle()'s business.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/given.h"
#include "model/model.h"

namespace headrace::model {

struct Draft {
  Model model;  // `file` is empty if the text names none
  Given given;
};

// `file` is how the user knows the text; `folder`, absolute, is where it stands. The error holds
// every problem of the text, a line each. `beneath` is as load() has it, for the labels.
Result<Draft> parse_model_toml(std::string_view text, const std::string& file,
                               const std::filesystem::path& folder,
                               const std::filesystem::path& beneath = {});

}  // namespace headrace::model
