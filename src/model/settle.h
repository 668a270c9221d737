// Makes a Model agree with its model file, before any worker starts.
//
// Owns the rules between the two: what the user gave must match the shapes of the file, what the
// user left out follows from them, or from a default. For a bare file, where nothing was given,
// each of these decisions is kept as a sentence in Model::guesses.
#pragma once

#include "base/result.h"
#include "model/given.h"
#include "model/model.h"
#include "model/signature.h"

namespace headrace::model {

enum class Source : unsigned char { toml, bare };

// `signature` is null for a file that only its engine can read: then defaults are filled in, and
// nothing about shapes is checked.
Status settle(Model& model, const Given& given, const Signature* signature, Source source);

}  // namespace headrace::model
