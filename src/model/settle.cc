#include "model/settle.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>

#include "model/wording.h"
#include "model/words.h"

namespace headrace::model {
namespace {

using std::to_string;

std::string squared(std::int64_t width, std::int64_t height) {
  return to_string(width) + "x" + to_string(height);
}

bool may_be_channels(std::int64_t dim) {
  return dim == 1 || dim == 3;
}

class Settler {
 public:
  Settler(Model& model, const Given& given, const Signature* signature, Source source)
      : model_(model), given_(given), signature_(signature), bare_(source == Source::bare) {}

  Status run() {
    if (bare_ && signature_ != nullptr && !one_picture(signature_->inputs))
      model_.input.kind = InputKind::tensors;
    if (model_.input.kind == InputKind::tensors) return tensors();
    if (signature_ != nullptr) {
      if (auto done = input(signature_->inputs); !done) return done;
      if (auto done = output(signature_->outputs); !done) return done;
    }
    if (auto done = resize_to(); !done) return done;
    return top_k();
  }

 private:
  Error wrong(std::string_view key, const std::string& what) const {
    return Error{given_.at(key) + what};
  }
  void guess(std::string sentence) {
    if (bare_) model_.guesses.push_back(std::move(sentence));
  }
  bool given(std::string_view key) const { return given_.has(key); }

  // --- tensors

  // Whether a bare model takes what a picture can become. Of an open rank nothing can be said but
  // that most such models do.
  static bool one_picture(const std::vector<Tensor>& inputs) {
    if (inputs.size() != 1) return inputs.empty();  // none at all is an error, with a sentence
    const Tensor& tensor = inputs.front();
    if (!tensor.dims) return true;
    if (!tensor.ranked(4) || (tensor.dtype != HR_F32 && tensor.dtype != HR_U8)) return false;
    return std::ranges::any_of(std::array{(*tensor.dims)[1], (*tensor.dims)[3]},
                               [](std::int64_t dim) { return dim < 0 || may_be_channels(dim); });
  }

  // Nothing is fed by a rule, so there is nothing to hold the shapes to.
  Status tensors() {
    model_.fixed_batch = 1;
    if (model_.output.kind != OutputKind::raw) {
      return wrong("output.kind",
                   "with kind = \"tensors\" in [input] the outputs are given as they are: set "
                   "kind = \"raw\" in [output]");
    }
    if (signature_ == nullptr) return Ok{};
    if (signature_->inputs.empty())
      return wrong("file", "the model has no input: export it again, with one");
    std::vector<std::string> names;
    for (const Tensor& each : signature_->inputs) {
      if (each.dtype == HR_DTYPE_NONE && each.type != "untyped") {
        return wrong("file", "the model's input " + shown(each) +
                                 " is no tensor of numbers: export the model without it");
      }
      names.push_back(shown(each));
    }
    guess("the model takes tensors: " + listing(names, 8));
    return raw_outputs(signature_->outputs);
  }

  Status raw_outputs(const std::vector<Tensor>& outputs) const {
    for (const Tensor& each : outputs) {
      if (each.dtype != HR_DTYPE_NONE || each.type == "untyped") continue;
      return wrong("file", "the model's output " + shown(each) +
                               " is no tensor of numbers: export the model without it");
    }
    return Ok{};
  }

  // --- input

  Status input(const std::vector<Tensor>& inputs) {
    if (inputs.size() != 1) {
      std::vector<std::string> names;
      for (const Tensor& each : inputs) names.push_back(shown(each));
      return wrong("file",
                   inputs.empty()
                       ? "the model has no input: export it again, with one"
                       : "the model has " + to_string(inputs.size()) + " inputs (" +
                             listing(names, 8) +
                             "), but must have one: export it with the others as constants");
    }
    const Tensor& tensor = inputs.front();
    if (tensor.dims && !tensor.dims->empty()) {
      const std::int64_t batch = tensor.dims->front();
      if (batch == 0 || batch > std::numeric_limits<std::int32_t>::max()) {
        return wrong("file",
                     "the model's input " + shown(tensor) + " has an impossible batch size");
      }
      model_.fixed_batch = batch < 0 ? 0 : static_cast<std::uint32_t>(batch);
    }
    guess("the input " + shown(tensor) + " is a picture");
    return model_.input.kind == InputKind::image ? picture(tensor) : bytes(tensor);
  }

  Status bytes(const Tensor& tensor) {
    const std::string kind(kInputKinds.word(model_.input.kind));
    if (tensor.dims && !tensor.ranked(2)) {
      return wrong("input.kind", "kind = \"" + kind +
                                     "\" feeds [batch, max_bytes], but the model's input is " +
                                     shown(tensor) +
                                     (tensor.ranked(4) ? ": did you mean kind = \"image\"?"
                                                       : ": export it with two dimensions"));
    }
    if (tensor.dtype != HR_U8) {
      return wrong("input.kind", "kind = \"" + kind + "\" feeds u8, but the model's input is " +
                                     shown(tensor) + ": export it with a u8 input");
    }
    const std::int64_t length = tensor.dims ? tensor.dims->back() : -1;
    if (length < 0) return Ok{};
    if (given("input.max_bytes") && length != model_.input.max_bytes) {
      return wrong("input.max_bytes", "input.max_bytes is " + to_string(model_.input.max_bytes) +
                                          ", but the model's input is " + shown(tensor) +
                                          ": set max_bytes = " + to_string(length));
    }
    if (length == 0 || length > kMostInputBytes) {
      return wrong("file", "the model's input " + shown(tensor) + " must have from 1 to " +
                               to_string(kMostInputBytes) + " bytes an item");
    }
    model_.input.max_bytes = static_cast<std::uint32_t>(length);
    return Ok{};
  }

  Status picture(const Tensor& tensor) {
    if (tensor.dims && !tensor.ranked(4)) {
      return wrong(
          "input.kind",
          "a picture is fed as four dimensions, [batch, 3, height, width] or [batch, height, "
          "width, 3], but the model's input is " +
              shown(tensor) +
              (tensor.dtype == HR_U8 && tensor.ranked(2) ? ": did you mean kind = \"bytes\"?"
                                                         : ": export it with four dimensions"));
    }
    if (auto done = element(tensor); !done) return done;
    if (tensor.dims) {
      if (auto done = layout(tensor); !done) return done;
      if (auto done = channels(tensor); !done) return done;
    }
    if (auto done = size(tensor); !done) return done;
    guess_colors();
    return Ok{};
  }

  Status element(const Tensor& tensor) {
    image::Recipe& recipe = model_.input.picture;
    if (tensor.dtype != HR_F32 && tensor.dtype != HR_U8) {
      return wrong("file",
                   "the model's input " + shown(tensor) +
                       " takes neither f32 nor u8, which are what pictures are fed as: export "
                       "it with an f32 input");
    }
    const auto wanted = tensor.dtype == HR_F32 ? image::Element::f32 : image::Element::u8;
    if (given("input.type") && recipe.element != wanted) {
      return wrong("input.type",
                   "input.type is \"" + std::string(kElementTypes.word(recipe.element)) +
                       "\", but the model's input is " + shown(tensor) + ": set type = \"" +
                       std::string(kElementTypes.word(wanted)) + "\"");
    }
    recipe.element = wanted;
    return Ok{};
  }

  // Where the channels stand, if the shape tells: the one place of the two that can be 1 or 3.
  std::optional<image::Layout> layout_of(const std::vector<std::int64_t>& dims) const {
    const bool second = may_be_channels(dims[1]), last = may_be_channels(dims[3]);
    if (second && !last) return image::Layout::nchw;
    if (last && !second) return image::Layout::nhwc;
    return std::nullopt;
  }

  Status layout(const Tensor& tensor) {
    image::Recipe& recipe = model_.input.picture;
    const auto told = layout_of(*tensor.dims);
    if (!given("input.layout")) {
      recipe.layout = told.value_or(image::Layout::nchw);
      guess("layout " + std::string(kLayouts.word(recipe.layout)) +
            (told ? ", from the model's shape" : ", since the model's shape leaves it open"));
      return Ok{};
    }
    // A size that happens to be 1 or 3 pixels is no reason to overrule the user.
    const std::int64_t chosen = (*tensor.dims)[recipe.layout == image::Layout::nchw ? 1 : 3];
    if (told && *told != recipe.layout && chosen >= 0) {
      return wrong("input.layout",
                   "input.layout is \"" + std::string(kLayouts.word(recipe.layout)) +
                       "\", but the model's input is " + shown(tensor) + ": set layout = \"" +
                       std::string(kLayouts.word(*told)) + "\"");
    }
    return Ok{};
  }

  Status channels(const Tensor& tensor) {
    image::Recipe& recipe = model_.input.picture;
    const std::int64_t wanted = (*tensor.dims)[recipe.layout == image::Layout::nchw ? 1 : 3];
    if (wanted < 0) return Ok{};
    if (!may_be_channels(wanted)) {
      return wrong(given("input.layout") ? "input.layout" : "file",
                   "the model's input " + shown(tensor) + " has " + to_string(wanted) +
                       " channels in layout " + std::string(kLayouts.word(recipe.layout)) +
                       ", but a picture has 3, or 1 if it is gray: is this an image model?");
    }
    if (bare_ && wanted == 1) recipe.color = image::ColorOrder::gray;
    if (wanted != recipe.channels()) {
      return wrong("input.color",
                   "input.color is \"" + std::string(kColors.word(recipe.color)) + "\", " +
                       to_string(recipe.channels()) + " channels, but the model's input is " +
                       shown(tensor) +
                       ": set color = " + (wanted == 1 ? "\"gray\"" : "\"rgb\" or \"bgr\""));
    }
    return Ok{};
  }

  Status size(const Tensor& tensor) {
    image::Recipe& recipe = model_.input.picture;
    const bool nchw = recipe.layout == image::Layout::nchw;
    const std::int64_t height = tensor.dims ? (*tensor.dims)[nchw ? 2 : 1] : -1;
    const std::int64_t width = tensor.dims ? (*tensor.dims)[nchw ? 3 : 2] : -1;
    for (const std::int64_t side : {width, height}) {
      if (side == 0 || side > kMostPixelsPerSide) {
        return wrong("file", "the model's input " + shown(tensor) + " must have sides from 1 to " +
                                 to_string(kMostPixelsPerSide) + " pixels");
      }
    }
    const std::int64_t wanted_width = width < 0 ? recipe.width : width;
    const std::int64_t wanted_height = height < 0 ? recipe.height : height;
    const bool differs = wanted_width != recipe.width || wanted_height != recipe.height;
    if (given("input.size") && differs) {
      return wrong("input.size", "input.size is " + squared(recipe.width, recipe.height) +
                                     ", but the model's input is " + shown(tensor) +
                                     ": set size = [" + to_string(wanted_width) + ", " +
                                     to_string(wanted_height) + "]");
    }
    recipe.width = static_cast<std::uint32_t>(wanted_width);
    recipe.height = static_cast<std::uint32_t>(wanted_height);
    guess("input size " + squared(wanted_width, wanted_height) +
          (width < 0 || height < 0 ? ", since the model's shape leaves it open"
                                   : ", from the model's shape"));
    return Ok{};
  }

  // What no model file tells, and what most models were trained with.
  void guess_colors() {
    image::Recipe& recipe = model_.input.picture;
    if (!bare_) return;
    const std::string color(kColors.word(recipe.color));
    if (recipe.element == image::Element::u8) {
      guess("colour order " + color + ", pixels as they are, 0 to 255; a model file does not say");
      return;
    }
    recipe.scale.fill(255);
    guess("colour order " + color +
          ", pixels scaled to 0..1 (mean 0, scale 255); a model file does not say");
  }

  Status resize_to() {
    image::Recipe& recipe = model_.input.picture;
    if (model_.input.kind != InputKind::image) return Ok{};
    if (recipe.element == image::Element::u8) {
      for (const std::string_view key : {"input.mean", "input.scale"}) {
        if (given(key)) {
          return wrong(key, std::string(key) +
                                " has no effect on a u8 input, which gets pixels as "
                                "they are: remove it");
        }
      }
    }
    const std::uint32_t longer = std::max(recipe.width, recipe.height);
    if (!given("input.resize_to")) {
      // The usual margin of image classifiers: 256 for 224.
      recipe.resize_to = std::min(kMostPixelsPerSide, (longer * 8 + 3) / 7);
      if (recipe.fit == image::Fit::crop) {
        guess("a picture's shorter side is scaled to " + to_string(recipe.resize_to) +
              ", then the centre is cut out");
      }
    } else if (recipe.resize_to < longer) {
      return wrong("input.resize_to",
                   "input.resize_to is " + to_string(recipe.resize_to) +
                       ", smaller than the size " + squared(recipe.width, recipe.height) +
                       " that is cut out: set resize_to to " + to_string(longer) + " or more");
    }
    return Ok{};
  }

  // --- output

  Status output(const std::vector<Tensor>& outputs) {
    const Tensor& first = outputs.front();
    if (bare_) {
      const bool scores = outputs.size() == 1 && first.ranked(2) && first.dims->back() >= 2 &&
                          first.dtype != HR_DTYPE_NONE && first.dtype != HR_BOOL;
      model_.output.kind = scores ? OutputKind::classification : OutputKind::raw;
      if (!scores) guess("the output is given as raw numbers");
    }
    if (model_.output.kind == OutputKind::raw) return raw_outputs(outputs);
    if (first.dtype == HR_DTYPE_NONE || first.dtype == HR_BOOL ||
        (first.dims && !first.ranked(2))) {
      return wrong("output.kind",
                   "a classification needs an output [batch, classes] of numbers, but "
                   "the model's first output is " +
                       shown(first) + ": set kind = \"raw\" in [output]");
    }
    return classes(first);
  }

  Status classes(const Tensor& tensor) {
    const std::int64_t count = tensor.dims ? tensor.dims->back() : -1;
    const auto& labels = model_.output.labels;
    if (count == 0) return wrong("file", "the model's output " + shown(tensor) + " has no classes");
    if (count < 0) return Ok{};
    if (!labels.empty() && static_cast<std::int64_t>(labels.size()) != count) {
      return wrong("output.labels", "there are " + to_string(labels.size()) +
                                        " labels, but the "
                                        "model's output " +
                                        shown(tensor) + " has " + to_string(count) +
                                        " classes: name each class once, in the model's order");
    }
    classes_ = count;
    return Ok{};
  }

  Status top_k() {
    Output& output = model_.output;
    if (output.kind != OutputKind::classification) return Ok{};
    if (classes_ == 0) classes_ = static_cast<std::int64_t>(output.labels.size());
    if (classes_ > 0 && output.top_k > classes_) {
      if (given("output.top_k")) {
        return wrong("output.top_k", "output.top_k is " + to_string(output.top_k) +
                                         ", but there are only " + to_string(classes_) +
                                         " classes: set top_k to " + to_string(classes_) +
                                         " or less");
      }
      output.top_k = static_cast<std::uint32_t>(classes_);
    }
    guess("the output is a classification: the best " + to_string(output.top_k) + " of " +
          to_string(classes_) + " classes by number, scores as the model gives them");
    return Ok{};
  }

  Model& model_;
  const Given& given_;
  const Signature* signature_;
  bool bare_;
  std::int64_t classes_ = 0;  // 0: not known
};

}  // namespace

Status settle(Model& model, const Given& given, const Signature* signature, Source source) {
  return Settler(model, given, signature, source).run();
}

}  // namespace headrace::model
