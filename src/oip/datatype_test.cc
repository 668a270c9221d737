#include "oip/datatype.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

namespace headrace::oip {
namespace {

std::vector<Datatype> all() {
  std::vector<Datatype> types;
  for (int i = 0; i <= static_cast<int>(Datatype::bf16); ++i)
    types.push_back(static_cast<Datatype>(i));
  return types;
}

TEST(DatatypeTest, EveryNameIsReadBack) {
  for (const Datatype type : all()) EXPECT_EQ(datatype_from(name_of(type)), type);
  for (const char* word : {"", "fp32", "FP8", "STRING", "FP32 ", "TYPE_FP32"})
    EXPECT_EQ(datatype_from(std::string_view(word)), std::nullopt) << word;
}

TEST(DatatypeTest, HasTheEnginesTypeOfTheSameSizeWhereThereIsOne) {
  for (const Datatype type : all()) {
    const engine::DType of_engine = engine_type(type);
    if (type == Datatype::bytes || type == Datatype::bf16) {
      EXPECT_EQ(of_engine, HR_DTYPE_NONE);
    } else {
      EXPECT_EQ(engine::size_of(of_engine), size_of(type)) << name_of(type);
      EXPECT_EQ(datatype_from(of_engine), type) << name_of(type);
    }
  }
  EXPECT_EQ(datatype_from(HR_DTYPE_NONE), std::nullopt);
}

TEST(DatatypeTest, KnowsTheBytesOfAShapeUnlessTheyOverflow) {
  const auto shape = [](std::initializer_list<std::int64_t> dims) {
    return engine::Shape::of({dims.begin(), dims.size()}).value();
  };
  EXPECT_EQ(bytes_of(Datatype::fp32, shape({1, 3, 224, 224})), 602'112U);
  EXPECT_EQ(bytes_of(Datatype::bf16, shape({})), 2U);
  EXPECT_EQ(bytes_of(Datatype::bytes, shape({1})), std::nullopt);
  EXPECT_EQ(bytes_of(Datatype::fp32, shape({-1, 3})), std::nullopt);
  EXPECT_EQ(bytes_of(Datatype::fp64, shape({INT64_MAX, 1})), std::nullopt);
  EXPECT_EQ(bytes_of(Datatype::uint8, shape({INT64_MAX, 3})), std::nullopt);
}

TEST(DatatypeTest, CountsStringsUnlessOneIsCutOff) {
  const std::string text("\1\0\0\0a\0\0\0\0\2\0\0\0bc", 15);
  const auto bytes = std::as_bytes(std::span(text));
  EXPECT_EQ(count_elements(bytes), 3U);
  EXPECT_EQ(count_elements({}), 0U);
  for (const std::size_t cut : {1U, 4U, 6U, 10U, 14U})
    EXPECT_EQ(count_elements(bytes.first(cut)), std::nullopt) << cut;
  const std::string huge("\xff\xff\xff\xff", 4);
  EXPECT_EQ(count_elements(std::as_bytes(std::span(huge))), std::nullopt);
}

}  // namespace
}  // namespace headrace::oip
