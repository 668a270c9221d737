// A Model as JSON text, from the supervisor to its workers.
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>

#include "base/text.h"
#include "model/model.h"
#include "model/wording.h"
#include "model/words.h"

namespace headrace::model {
namespace {

using nlohmann::json;

// JSON holds only UTF-8; a path may be any bytes, and must arrive as it was.
json from_text(const std::string& text) {
  if (is_utf8(text)) return text;
  json bytes = json::array();
  for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

json from_texts(const std::vector<std::string>& texts) {
  json list = json::array();
  for (const std::string& text : texts) list.push_back(from_text(text));
  return list;
}

json picture_json(const image::Recipe& recipe) {
  return {{"width", recipe.width},
          {"height", recipe.height},
          {"resize", kFits.word(recipe.fit)},
          {"resize_to", recipe.resize_to},
          {"filter", kFilters.word(recipe.filter)},
          {"color", kColors.word(recipe.color)},
          {"mean", recipe.mean},
          {"scale", recipe.scale},
          {"layout", kLayouts.word(recipe.layout)},
          {"type", kElementTypes.word(recipe.element)}};
}

// Takes the fields out of one object. After the first that is missing or wrong, `wrong` names it.
class Fields {
 public:
  Fields(const json& object, std::string& wrong) : object_(object), wrong_(wrong) {
    if (!object.is_object()) wrong_ = "not an object";
  }

  const json& get(const char* key) {
    static const json kNothing;
    if (!object_.is_object()) return kNothing;
    const auto found = object_.find(key);
    if (found == object_.end()) return refuse(key), kNothing;
    return *found;
  }
  void text(const char* key, std::string& out) {
    if (!one_text(get(key), out)) refuse(key);
  }
  void texts(const char* key, std::vector<std::string>& out) {
    const json& list = get(key);
    if (!list.is_array()) return refuse(key);
    for (const json& each : list) {
      if (!one_text(each, out.emplace_back())) return refuse(key);
    }
  }
  void whole(const char* key, std::uint32_t least, std::uint32_t most, std::uint32_t& out) {
    const json& value = get(key);
    if (!value.is_number_unsigned()) return refuse(key);
    const auto number = value.get<std::uint64_t>();
    if (number < least || number > most) return refuse(key);
    out = static_cast<std::uint32_t>(number);
  }
  void flag(const char* key, bool& out) {
    const json& value = get(key);
    if (!value.is_boolean()) return refuse(key);
    out = value.get<bool>();
  }
  template <class E, std::size_t N>
  void word(const char* key, const Words<E, N>& words, E& out) {
    const json& value = get(key);
    const auto found =
        value.is_string() ? words.value(value.get_ref<const std::string&>()) : std::optional<E>();
    if (!found) return refuse(key);
    out = *found;
  }
  void floats(const char* key, bool divisor, std::array<float, 3>& out) {
    const json& list = get(key);
    if (!list.is_array() || list.size() != out.size()) return refuse(key);
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (!list[i].is_number()) return refuse(key);
      const double number = list[i].get<double>();
      if (!(std::abs(number) <= std::numeric_limits<float>::max())) return refuse(key);
      out[i] = static_cast<float>(number);
      if (divisor && out[i] == 0.0F) return refuse(key);
    }
  }
  void refuse(const char* key) {
    if (wrong_.empty()) wrong_ = std::string("field ") + key;
  }

 private:
  static bool one_text(const json& value, std::string& out) {
    if (value.is_string()) {
      out = value.get_ref<const std::string&>();
      return true;
    }
    if (!value.is_array()) return false;
    out.clear();
    for (const json& byte : value) {
      if (!byte.is_number_unsigned() || byte.get<std::uint64_t>() > 255) return false;
      out += static_cast<char>(byte.get<unsigned char>());
    }
    return true;
  }

  const json& object_;
  std::string& wrong_;
};

void read_picture(const json& object, std::string& wrong, image::Recipe& recipe) {
  Fields fields(object, wrong);
  fields.whole("width", 1, kMostPixelsPerSide, recipe.width);
  fields.whole("height", 1, kMostPixelsPerSide, recipe.height);
  fields.word("resize", kFits, recipe.fit);
  fields.whole("resize_to", 1, kMostPixelsPerSide, recipe.resize_to);
  if (recipe.fit == image::Fit::crop && recipe.resize_to < std::max(recipe.width, recipe.height)) {
    fields.refuse("resize_to");
  }
  fields.word("filter", kFilters, recipe.filter);
  fields.word("color", kColors, recipe.color);
  fields.floats("mean", false, recipe.mean);
  fields.floats("scale", true, recipe.scale);
  fields.word("layout", kLayouts, recipe.layout);
  fields.word("type", kElementTypes, recipe.element);
}

void read_model(const json& document, std::string& wrong, Model& model) {
  Fields fields(document, wrong);
  std::string file;
  fields.text("name", model.name);
  fields.text("file", file);
  model.file = file;
  std::vector<std::string> files;
  fields.texts("files", files);
  model.files.assign(files.begin(), files.end());
  fields.text("engine", model.engine);
  fields.text("precision", model.precision);
  fields.whole("fixed_batch", 0, std::numeric_limits<std::int32_t>::max(), model.fixed_batch);
  fields.texts("guesses", model.guesses);

  Fields input(fields.get("input"), wrong);
  input.word("kind", kInputKinds, model.input.kind);
  input.whole("max_bytes", 1, kMostInputBytes, model.input.max_bytes);
  read_picture(input.get("picture"), wrong, model.input.picture);

  Fields output(fields.get("output"), wrong);
  output.word("kind", kOutputKinds, model.output.kind);
  output.texts("labels", model.output.labels);
  output.whole("top_k", 1, kMostTopK, model.output.top_k);
  output.flag("softmax", model.output.softmax);
}

}  // namespace

std::string to_json(const Model& model) {
  const json document = {{"name", from_text(model.name)},
                         {"file", from_text(model.file.string())},
                         {"files", from_texts({model.files.begin(), model.files.end()})},
                         {"engine", from_text(model.engine)},
                         {"precision", from_text(model.precision)},
                         {"fixed_batch", model.fixed_batch},
                         {"guesses", from_texts(model.guesses)},
                         {"input",
                          {{"kind", kInputKinds.word(model.input.kind)},
                           {"max_bytes", model.input.max_bytes},
                           {"picture", picture_json(model.input.picture)}}},
                         {"output",
                          {{"kind", kOutputKinds.word(model.output.kind)},
                           {"labels", from_texts(model.output.labels)},
                           {"top_k", model.output.top_k},
                           {"softmax", model.output.softmax}}}};
  return document.dump();
}

Result<Model> from_json(std::string_view text) {
  const json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) {
    return Error{"the model's description is not JSON: it must come from the same program"};
  }
  Model model;
  std::string wrong;
  read_model(document, wrong, model);
  if (!wrong.empty()) {
    return Error{"the model's description is wrong at " + wrong +
                 ": it must come from the same program"};
  }
  return model;
}

}  // namespace headrace::model
