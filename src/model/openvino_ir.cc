#include "model/openvino_ir.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <pugixml.hpp>
#include <string>

namespace headrace::model {
namespace {

constexpr std::size_t kMostBytes = std::size_t{256} << 20;  // of XML; real files have a few MB

struct ElementType {
  std::string_view word;  // of a layer's data, or of a port
  std::string_view port;
  std::string_view shown;
  hr_dtype dtype;
};
constexpr std::array<ElementType, 13> kElements = {{{"f32", "FP32", "f32", HR_F32},
                                                    {"f16", "FP16", "f16", HR_F16},
                                                    {"f64", "FP64", "f64", HR_F64},
                                                    {"u8", "U8", "u8", HR_U8},
                                                    {"i8", "I8", "i8", HR_I8},
                                                    {"u16", "U16", "u16", HR_U16},
                                                    {"i16", "I16", "i16", HR_I16},
                                                    {"u32", "U32", "u32", HR_U32},
                                                    {"i32", "I32", "i32", HR_I32},
                                                    {"u64", "U64", "u64", HR_U64},
                                                    {"i64", "I64", "i64", HR_I64},
                                                    {"boolean", "BOOL", "bool", HR_BOOL},
                                                    {"bf16", "BF16", "bf16", HR_DTYPE_NONE}}};

void set_type(Tensor& tensor, std::string_view word) {
  tensor.type = word.empty() ? "untyped" : word;
  for (const ElementType& element : kElements) {
    if (word != element.word && word != element.port) continue;
    tensor.type = element.shown;
    tensor.dtype = element.dtype;
  }
}

// Anything but a plain number ("?", "-1", "1..8") is a dimension that is not fixed.
std::int64_t dimension(std::string_view text) {
  const auto from = std::min(text.find_first_not_of(" \t\n"), text.size());
  const auto to = text.find_last_not_of(" \t\n");
  text = text.substr(from, to == std::string_view::npos ? 0 : to + 1 - from);
  std::int64_t value = -1;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size() ? std::max<std::int64_t>(value, -1)
                                                                 : -1;
}

// The shape attribute of a Parameter, "?,3,224,224"; "..." leaves the rank open, "" is a scalar.
std::optional<std::vector<std::int64_t>> shape(std::string_view text) {
  if (text.find("...") != std::string_view::npos) return std::nullopt;
  std::vector<std::int64_t> dims;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    dims.push_back(dimension(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return dims;
}

Tensor parameter(const pugi::xml_node& layer) {
  Tensor tensor;
  const pugi::xml_node data = layer.child("data");
  tensor.name = layer.attribute("name").value();
  set_type(tensor, data.attribute("element_type").value());
  if (data.attribute("shape")) tensor.dims = shape(data.attribute("shape").value());
  return tensor;
}

Tensor result(const pugi::xml_node& layer) {
  Tensor tensor;
  const pugi::xml_node port = layer.child("input").child("port");
  const char* output_names = layer.attribute("output_names").value();
  tensor.name = *output_names != '\0' ? output_names : layer.attribute("name").value();
  set_type(tensor, port.attribute("precision").value());
  // A port without dimensions is a scalar or of open rank: not told apart, so nothing is claimed.
  for (const pugi::xml_node& dim : port.children("dim")) {
    if (!tensor.dims) tensor.dims.emplace();
    tensor.dims->push_back(dimension(dim.text().get()));
  }
  return tensor;
}

}  // namespace

Result<Signature> read_openvino_ir(std::istream& in, std::string_view file) {
  const std::string name(file);
  std::string text(std::size_t{64} << 10, '\0');
  std::size_t size = 0;
  while (in.read(text.data() + size, static_cast<std::streamsize>(text.size() - size)),
         in.gcount() > 0) {
    size += static_cast<std::size_t>(in.gcount());
    if (size > kMostBytes) {
      return Error{name + " is no OpenVINO model: it is larger than any description of one"};
    }
    if (size == text.size()) text.resize(2 * size);
  }
  if (size == 0)
    return Error{name + " is empty or cannot be read: copy or convert the model again"};

  pugi::xml_document document;
  const pugi::xml_parse_result parsed = document.load_buffer(text.data(), size);
  if (!parsed) {
    const auto stop = text.begin() + std::clamp<std::ptrdiff_t>(parsed.offset, 0,
                                                                static_cast<std::ptrdiff_t>(size));
    return Error{name + ":" + std::to_string(1 + std::count(text.begin(), stop, '\n')) +
                 ": not valid XML: " + parsed.description() + "; copy or convert the model again"};
  }
  const pugi::xml_node net = document.child("net");
  if (!net) {
    return Error{name +
                 " is XML, but no OpenVINO model: it has no <net>; name the .xml that "
                 "'ovc' or 'save_model' wrote"};
  }
  Signature found;
  for (const pugi::xml_node& layer : net.child("layers").children("layer")) {
    const std::string_view type = layer.attribute("type").value();
    if (type == "Parameter") found.inputs.push_back(parameter(layer));
    if (type == "Result") found.outputs.push_back(result(layer));
  }
  if (found.outputs.empty()) {
    return Error{name + " is no usable OpenVINO model: it has no Result layer"};
  }
  return found;
}

}  // namespace headrace::model
