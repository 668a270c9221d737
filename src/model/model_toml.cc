#include "model/model_toml.h"

#include <utility>

#include "model/files.h"
#include "model/labels.h"
#include "model/toml_reader.h"

namespace headrace::model {
namespace {

using std::string_view;

constexpr std::array<string_view, 6> kTopKeys{"name",      "file",  "engine",
                                              "precision", "input", "output"};
constexpr std::array<string_view, 11> kInputKeys{"kind",   "size",  "resize",   "resize_to",
                                                 "filter", "color", "mean",     "scale",
                                                 "layout", "type",  "max_bytes"};
constexpr std::array<string_view, 4> kOutputKeys{"kind", "labels", "top_k", "softmax"};
constexpr std::array<SectionKeys, 3> kSections{
    {{"", kTopKeys}, {"input", kInputKeys}, {"output", kOutputKeys}}};
constexpr std::array<string_view, 4> kEngines{"auto", "openvino", "onnxruntime", "fake"};

// Any plug-in may be named, so only what no plug-in is called, or a near miss of a known name, is
// wrong.
std::optional<std::string> wrong_engine(const std::string& engine) {
  if (std::ranges::find(kEngines, engine) != kEngines.end()) return std::nullopt;
  const auto near = nearest(engine, kEngines);
  if (near && !engine.starts_with(*near)) {
    return "engine cannot be " + in_quotes(engine) + ": did you mean " + in_quotes(*near) + "?";
  }
  const bool plain = std::ranges::all_of(engine, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  if (plain && engine.size() <= kLongestName) return std::nullopt;
  return "engine is " + in_quotes(engine) +
         ", but must be 'auto' or the name of a plug-in: small letters, digits, '-' and '_'";
}

class ModelReader {
 public:
  ModelReader(const std::string& file, const std::filesystem::path& folder,
              const std::filesystem::path& beneath)
      : reader_(kSections, file), folder_(folder), beneath_(beneath) {}

  Result<Draft> run(const toml::table& document) {
    general(reader_.top(document));
    if (const auto in = reader_.section(document, "input")) input(*in);
    if (const auto out = reader_.section(document, "output")) output(*out);
    if (auto error = reader_.error()) return *std::move(error);
    return Draft{std::move(model_), reader_.given()};
  }

 private:
  template <class T>
  static void set(T& out, const std::optional<T>& value) {
    if (value) out = *value;
  }

  void general(const Section& in) {
    set(model_.name, reader_.text(in, "name"));
    if (const auto file = reader_.text(in, "file")) model_.file = folder_ / *file;
    set(model_.engine, reader_.text(in, "engine"));
    if (auto wrong = wrong_engine(model_.engine)) reader_.problem(*in.get("engine"), *wrong);
    set(model_.precision, reader_.text(in, "precision"));
    if (std::ranges::find(kPrecisions, model_.precision) == kPrecisions.end()) {
      reader_.not_a_word(in, "precision", model_.precision, kPrecisions);
    }
  }

  // Reads the word that decides which other keys make sense. False when it is wrong: what it was
  // meant to be is unknown, and so is which keys have no effect.
  template <class E, std::size_t N>
  bool decide(const Section& in, string_view key, const Words<E, N>& words, E& out) {
    const auto value = reader_.word(in, key, words);
    set(out, value);
    return value || in.get(key) == nullptr;
  }

  void input(const Section& in) {
    Input& input = model_.input;
    const bool clear = decide(in, "kind", kInputKinds, input.kind);
    const string_view kind = kInputKinds.word(input.kind);
    set(input.max_bytes, reader_.whole(in, "max_bytes", kMostInputBytes));
    if (input.kind == InputKind::image) {
      if (clear) {
        reader_.no_effect(in, {"max_bytes"},
                          "with kind = \"image\": remove it, or set kind = \"bytes\"");
      }
      picture(in);
    } else {
      const std::string remove = "with kind = \"" + std::string(kind) + "\": remove it";
      reader_.no_effect(
          in, {"size", "resize", "resize_to", "filter", "color", "mean", "scale", "layout", "type"},
          remove);
      if (input.kind == InputKind::tensors) reader_.no_effect(in, {"max_bytes"}, remove);
    }
  }

  void picture(const Section& in) {
    image::Recipe& recipe = model_.input.picture;
    size(in, recipe);
    decide(in, "resize", kFits, recipe.fit);
    set(recipe.resize_to, reader_.whole(in, "resize_to", kMostPixelsPerSide));
    if (recipe.fit != image::Fit::crop) {
      const std::string fit(kFits.word(recipe.fit));
      reader_.no_effect(in, {"resize_to"}, "with resize = \"" + fit + "\": remove it");
    }
    set(recipe.filter, reader_.word(in, "filter", kFilters));
    const bool clear = decide(in, "color", kColors, recipe.color);
    per_channel(in, "mean", clear, false, recipe.mean);
    per_channel(in, "scale", clear, true, recipe.scale);
    set(recipe.layout, reader_.word(in, "layout", kLayouts));
    set(recipe.element, reader_.word(in, "type", kElementTypes));
  }

  void size(const Section& in, image::Recipe& recipe) {
    const toml::node* node = in.get("size");
    if (node == nullptr) return;
    const toml::array* list = node->as_array();
    if (list == nullptr && !node->is_integer()) {
      reader_.wrong_type(*node, "input.size", "[width, height] or one whole number for both");
    } else if (list == nullptr) {
      set(recipe.width, reader_.whole(*node, "input.size", kMostPixelsPerSide));
      recipe.height = recipe.width;
    } else if (list->size() != 2) {
      reader_.problem(*node, "input.size has " + std::to_string(list->size()) +
                                 " numbers, but must be [width, height]");
    } else {
      set(recipe.width,
          reader_.whole(*list->get(0), "the width in input.size", kMostPixelsPerSide));
      set(recipe.height,
          reader_.whole(*list->get(1), "the height in input.size", kMostPixelsPerSide));
    }
  }

  void per_channel(const Section& in, string_view key, bool color_known, bool divisor,
                   std::array<float, 3>& out) {
    const auto numbers = reader_.numbers(in, key, divisor);
    if (!numbers) return;
    const std::uint32_t channels = model_.input.picture.channels();
    if (numbers->size() == 1) {
      out.fill(numbers->front());
    } else if (numbers->size() == channels) {
      std::ranges::copy(*numbers, out.begin());
    } else if (color_known) {
      reader_.problem(
          *in.get(key),
          in.key(key) + " has " + std::to_string(numbers->size()) + " numbers, but must have " +
              (channels == 1 ? "1, since color is \"gray\"" : "1, or 3: one for each channel"));
    }
  }

  void output(const Section& in) {
    Output& output = model_.output;
    const bool clear = decide(in, "kind", kOutputKinds, output.kind);
    set(output.top_k, reader_.whole(in, "top_k", kMostTopK));
    set(output.softmax, reader_.flag(in, "softmax"));
    labels(in);
    if (clear && output.kind == OutputKind::raw) {
      reader_.no_effect(in, {"labels", "top_k", "softmax"},
                        in.get("kind") != nullptr
                            ? "with kind = \"raw\": remove it, or set kind = \"classification\""
                            : "with kind = \"raw\", the default: add kind = \"classification\"");
    }
  }

  void labels(const Section& in) {
    const toml::node* node = in.get("labels");
    if (node == nullptr) return;
    std::vector<std::string>& labels = model_.output.labels;
    if (const toml::array* list = node->as_array()) {
      set(labels, reader_.texts(*list, "output.labels"));
    } else if (!node->is_string()) {
      reader_.wrong_type(*node, "output.labels", "the name of a file, or an array of texts");
    } else if (const auto file = reader_.text(in, "labels")) {
      if (const Status inside = check_beneath(beneath_, folder_ / *file); !inside)
        return reader_.problem(*node, "output.labels: " + inside.error().message);
      auto read = read_labels(folder_ / *file);
      if (!read) return reader_.problem(*node, "output.labels: " + read.error().message);
      labels = *std::move(read);
    }
  }

  TomlReader reader_;
  const std::filesystem::path& folder_;
  const std::filesystem::path& beneath_;
  Model model_;
};

}  // namespace

Result<Draft> parse_model_toml(std::string_view text, const std::string& file,
                               const std::filesystem::path& folder,
                               const std::filesystem::path& beneath) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return Error{Given(file).at(place(error.source())) +
                 "not valid TOML: " + std::string(error.description())};
  }
  return ModelReader(file, folder, beneath).run(parsed.table());
}

}  // namespace headrace::model
