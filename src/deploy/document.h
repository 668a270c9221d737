// A file for a platform as a small tree, and the two ways of writing one tree down: YAML and Bicep.
//
// Written by hand twice, the two would drift apart, and a line without its reason would be copied from
// file to file for years. So each node carries its reason, and both texts come from the same nodes. Only
// writes, never reads; no I/O, no clock: the same tree always gives the same text.
//
// A secret never becomes part of a tree: what must be filled in later is a placeholder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace headrace::deploy {

enum class Shape : unsigned char { text, number, flag, placeholder, mapping, list };

// Something that only whoever deploys can know, or must not be written into a file.
struct Placeholder {
  std::string
      name;  // MODELS_STORAGE_KEY: the variable of the script; ${NAME} in YAML; modelsStorageKey in Bicep
  std::string what;    // "the access key of the storage account 'pictures'"
  bool secret = true;  // @secure() in Bicep
  std::string
      otherwise{};  // in Bicep: an expression that it is when not given; empty: it must be given
  std::string
      found_by{};  // in a script: a command that prints it when the variable is not set; empty: it must be set
};

// One line of a file, with what is below it.
struct Node {
  std::string key{};  // empty in a list
  Shape shape = Shape::mapping;
  std::string value{};  // text as it is, a number as written, "true" or "false"
  Placeholder placeholder{};
  std::vector<Node> children{};
  std::string
      why{};  // a sentence without a full stop, for --explain; empty: there is nothing to say
};

// How trees are built: mapping("resources", {mapping("requests", {number("cpu", 4)})}). With an empty key: entries of a list.
Node text(std::string key, std::string value, std::string why = "");
Node number(std::string key, double value, std::string why = "");  // at most three decimals
Node flag(std::string key, bool value, std::string why = "");
Node placeholder(std::string key, Placeholder what, std::string why = "");
Node mapping(std::string key, std::vector<Node> children, std::string why = "");
Node list(std::string key, std::vector<Node> children, std::string why = "");
// list(key, {text("", a), text("", b)...})
Node words(std::string key, const std::vector<std::string>& values, std::string why = "");

// The child of this name; nullptr when there is none.
const Node* find(const Node& mapping, std::string_view key);

// Every placeholder in the tree once, in the order in which they stand there.
std::vector<Placeholder> placeholders(const Node& tree);

// "modelsStorageKey" of "MODELS_STORAGE_KEY".
std::string parameter_name(std::string_view variable);

// One document in block style, read alike by YAML 1.1 and 1.2: a text is plain only when no reader could take it for
// something else, and otherwise in double quotes as JSON has them. A placeholder is "${NAME}". `heading` stands above as
// comments, a line each. With `explain` each why is a comment above its line. Ends with a line end. An empty mapping is
// {}, an empty list [].
std::string yaml(const Node& tree, const std::vector<std::string>& heading, bool explain);
// Several documents, with --- between them.
std::string yaml(const std::vector<Node>& trees, const std::vector<std::string>& heading,
                 bool explain);

// One resource. `tree` has `type` and `apiVersion` on top, which become the resource's type; everything else becomes its
// body. Placeholders become parameters. `symbol` is what the resource is called inside of the file. `outputs` are whole
// lines below it ("output id string = group.id").
std::string bicep(const Node& tree, std::string_view symbol,
                  const std::vector<std::string>& heading, const std::vector<std::string>& outputs,
                  bool explain);

// Comments, `mark` before each line; whatever is in them, nothing of it becomes a line of its own without the mark.
std::string heading_text(const std::vector<std::string>& heading, std::string_view mark);

// A text as a literal of each language, quotes included where they are needed.
std::string yaml_text(std::string_view text);
std::string bicep_text(std::string_view text);
// As a shell takes it for one word.
std::string shell_text(std::string_view text);

}  // namespace headrace::deploy
