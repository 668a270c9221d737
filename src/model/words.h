// The words of model.toml (and of the JSON that workers get) for every enumeration of a Model.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "model/model.h"

namespace headrace::model {

template <class E, std::size_t N>
struct Words {
  std::array<std::string_view, N> words;
  std::array<E, N> values;

  constexpr std::optional<E> value(std::string_view word) const {
    for (std::size_t i = 0; i < N; ++i) {
      if (words[i] == word) return values[i];
    }
    return std::nullopt;
  }
  constexpr std::string_view word(E value) const {
    for (std::size_t i = 0; i < N; ++i) {
      if (values[i] == value) return words[i];
    }
    return "";
  }
};

inline constexpr Words<InputKind, 4> kInputKinds{
    {"image", "bytes", "name", "tensors"},
    {InputKind::image, InputKind::bytes, InputKind::name, InputKind::tensors}};
inline constexpr Words<OutputKind, 2> kOutputKinds{{"classification", "raw"},
                                                   {OutputKind::classification, OutputKind::raw}};
inline constexpr Words<image::Fit, 3> kFits{
    {"crop", "stretch", "pad"}, {image::Fit::crop, image::Fit::stretch, image::Fit::pad}};
inline constexpr Words<image::Filter, 2> kFilters{
    {"bilinear", "bicubic"}, {image::Filter::bilinear, image::Filter::bicubic}};
inline constexpr Words<image::ColorOrder, 3> kColors{
    {"rgb", "bgr", "gray"},
    {image::ColorOrder::rgb, image::ColorOrder::bgr, image::ColorOrder::gray}};
inline constexpr Words<image::Layout, 2> kLayouts{{"nchw", "nhwc"},
                                                  {image::Layout::nchw, image::Layout::nhwc}};
inline constexpr Words<image::Element, 2> kElementTypes{{"f32", "u8"},
                                                        {image::Element::f32, image::Element::u8}};
inline constexpr std::array<std::string_view, 2> kPrecisions{"auto", "f32"};

// The largest values that a model may ask for.
inline constexpr std::uint32_t kMostPixelsPerSide = 16384;
inline constexpr std::uint32_t kMostInputBytes = 1U << 30;
inline constexpr std::uint32_t kMostTopK = 1000;
inline constexpr std::size_t kLongestName = 128;  // bytes

}  // namespace headrace::model
