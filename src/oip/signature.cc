#include "oip/signature.h"

#include <algorithm>

#include "base/text.h"
#include "oip/json_reader.h"

namespace headrace::oip {
namespace {

std::string listed(const std::vector<TensorSpec>& tensors) {
  std::string names;
  for (const TensorSpec& tensor : tensors) {
    if (!names.empty()) names += ", ";
    names += in_quotes(tensor.name);
  }
  return names.empty() ? "none" : names;
}

class SignatureReader : private JsonReader {
 public:
  SignatureReader() : JsonReader("the worker's signature") {}

  Result<Signature> read(std::string_view json) {
    std::string padded(json);
    padded.resize(json.size() + simdjson::SIMDJSON_PADDING);
    simdjson::ondemand::parser parser;
    Signature signature;
    const bool good =
        document(parser, simdjson::padded_string_view(padded.data(), json.size(), padded.size()),
                 [&](std::string_view key, Value value) {
                   if (key == "inputs") return tensors(value, "inputs", signature.inputs);
                   if (key == "outputs") return tensors(value, "outputs", signature.outputs);
                   return pass_over(value, 2);
                 });
    if (good && (signature.inputs.empty() || signature.outputs.empty()))
      refuse("the worker's signature lacks inputs or outputs");
    if (problem()) return Error{problem()->message};
    return signature;
  }

 private:
  bool tensors(Value value, const std::string& where, std::vector<TensorSpec>& out) {
    if (!out.empty()) return refuse("the signature gives '" + where + "' twice");
    return elements(value, "'" + where + "'", [&](Value item) {
      if (out.size() == kMostTensors)
        return refuse("the signature has more than " + std::to_string(kMostTensors) + " " + where);
      TensorSpec tensor;
      if (!this->tensor(item, tensor)) return false;
      if (std::ranges::count(out, tensor.name, &TensorSpec::name) > 0)
        return refuse("the signature has two " + where + " " + in_quotes(tensor.name));
      out.push_back(std::move(tensor));
      return true;
    });
  }

  bool tensor(Value value, TensorSpec& out) {
    std::optional<Datatype> datatype;
    std::optional<engine::Shape> shape;
    const bool good = fields(value, "a tensor", [&](std::string_view key, Value field) {
      if (key == "name") return text(field, "the name of a tensor", kMostNameBytes, out.name);
      if (key == "datatype") return this->datatype(field, datatype);
      if (key == "shape") return this->shape(field, shape);
      return pass_over(field, 4);
    });
    if (!good) return false;
    if (out.name.empty() || !datatype || !shape)
      return refuse("a tensor of the signature lacks its name, its datatype or its shape");
    out.datatype = *datatype;
    out.shape = *shape;
    return true;
  }

  bool datatype(Value value, std::optional<Datatype>& out) {
    std::string word;
    if (!text(value, "'datatype'", kMostNameBytes, word)) return false;
    out = datatype_from(std::string_view(word));
    return out || refuse(in_quotes(word) + " is no datatype");
  }

  bool shape(Value value, std::optional<engine::Shape>& out) {
    std::vector<std::int64_t> dims;
    const bool good = elements(value, "'shape'", [&](Value item) {
      if (dims.size() == HR_MAX_RANK) return refuse("a shape has more than 8 dimensions");
      if (item.get_int64().get(dims.emplace_back()))
        return refuse("a dimension must be a whole number");
      return dims.back() >= -1 || refuse("a dimension is below -1");
    });
    if (good) out = engine::Shape::of(dims);
    return good;
  }
};

void append_tensors(std::string& out, const std::vector<TensorSpec>& tensors) {
  out += '[';
  for (const TensorSpec& tensor : tensors) {
    if (out.back() != '[') out += ',';
    out += R"({"name":)";
    append_json_string(out, tensor.name);
    out += R"(,"datatype":")";
    out += name_of(tensor.datatype);
    out += R"(","shape":[)";
    for (const std::int64_t dim : tensor.shape.dims()) {
      if (out.back() != '[') out += ',';
      out += std::to_string(dim);
    }
    out += "]}";
  }
  out += ']';
}

}  // namespace

Result<Signature> read_signature(std::string_view json) {
  if (json.size() > kMostSignatureBytes)
    return Error{"the worker's signature has " + std::to_string(json.size()) +
                 " bytes, more than the " + std::to_string(kMostSignatureBytes) +
                 " that it may have"};
  return SignatureReader().read(json);
}

std::string write_signature(const Signature& signature) {
  std::string out = R"({"inputs":)";
  append_tensors(out, signature.inputs);
  out += R"(,"outputs":)";
  append_tensors(out, signature.outputs);
  out += '}';
  return out;
}

Answer<InputCheck::Input> InputCheck::take(std::string_view name, std::string_view datatype,
                                           std::span<const std::int64_t> shape) {
  const auto spec = std::ranges::find(signature_.inputs, name, &TensorSpec::name);
  const std::string who = "input " + in_quotes(name);
  if (spec == signature_.inputs.end())
    return Refusal{.message =
                       "the model has no " + who + "; its inputs are " + listed(signature_.inputs)};
  const auto index = static_cast<std::size_t>(spec - signature_.inputs.begin());
  if (given_[index]) return Refusal{.message = who + " is given twice"};
  given_[index] = true;
  if (datatype_from(datatype) != spec->datatype)
    return Refusal{.message = who + " is " + in_quotes(datatype) +
                              " in the request, but the model takes '" +
                              std::string(name_of(spec->datatype)) + "'"};
  if (shape.size() > HR_MAX_RANK)
    return Refusal{.message =
                       who + " has " + std::to_string(shape.size()) + " dimensions; 8 is the most"};
  if (std::ranges::any_of(shape, [](std::int64_t dim) { return dim < 1; }))
    return Refusal{.message = who + ": every dimension of its shape must be at least 1"};
  Input input{.index = index, .shape = engine::Shape::of(shape).value_or(engine::Shape{})};
  if (!spec->shape.fits(input.shape))
    return Refusal{.message = who + " has shape " + input.shape.to_string() +
                              ", but the model takes " + spec->shape.to_string()};
  const std::optional<std::size_t> elements = input.shape.elements();
  if (!elements || *elements > PTRDIFF_MAX / sizeof(std::uint64_t))
    return Refusal{.message = who + ": no computer holds its shape " + input.shape.to_string()};
  input.elements = *elements;
  return input;
}

Answer<Ok> InputCheck::finish() const {
  for (std::size_t i = 0; i < given_.size(); ++i) {
    if (!given_[i])
      return Refusal{.message = "input " + in_quotes(signature_.inputs[i].name) +
                                " is missing; the model's inputs are " + listed(signature_.inputs)};
  }
  return Ok{};
}

Answer<std::size_t> find_output(const Signature& signature, std::string_view name) {
  const auto spec = std::ranges::find(signature.outputs, name, &TensorSpec::name);
  if (spec == signature.outputs.end())
    return Refusal{.message = "the model has no output " + in_quotes(name) + "; its outputs are " +
                              listed(signature.outputs)};
  return static_cast<std::size_t>(spec - signature.outputs.begin());
}

}  // namespace headrace::oip
