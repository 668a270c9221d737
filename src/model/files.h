// Plain reading of the files that make up a model, with limits and with errors that name the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/result.h"

namespace headrace::model {

// Opens a regular file for reading; a folder, a device or a pipe is an error and never blocks.
Result<std::ifstream> open_regular(const std::filesystem::path& path);

// The whole content of a file of at most `most_bytes`.
Result<std::string> read_text(const std::filesystem::path& path, std::uint64_t most_bytes);

// The kind of a model file by its name's ending, whatever its case.
enum class FileKind : unsigned char { onnx, openvino_ir, fake, other };
FileKind file_kind(const std::filesystem::path& path);

// An error when `file`, all links and ".." followed, lies outside of the folder `beneath`, whether it is there or not;
// with an empty `beneath` it may lie anywhere. For models that whoever may load them did not choose the files of.
Status check_beneath(const std::filesystem::path& beneath, const std::filesystem::path& file);

// The names in a folder, sorted; at most a thousand, none if it cannot be read.
std::vector<std::string> names_in(const std::filesystem::path& folder);
// Those that are model files by their endings.
std::vector<std::string> model_files_in(const std::filesystem::path& folder);

}  // namespace headrace::model
