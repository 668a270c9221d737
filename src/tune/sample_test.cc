#include "tune/sample.h"

#include <gtest/gtest.h>

namespace headrace::tune {
namespace {

std::vector<std::string> sample_of(std::size_t listed, std::size_t size) {
  EvenSample sample(size);
  for (std::size_t i = 0; i < listed; ++i) sample.add(std::to_string(i));
  EXPECT_EQ(sample.listed(), listed);
  return sample.take();
}

TEST(EvenSample, IsAllWhenThereAreFew) {
  EXPECT_TRUE(sample_of(0, 3).empty());
  EXPECT_EQ(sample_of(3, 3), (std::vector<std::string>{"0", "1", "2"}));
}

TEST(EvenSample, IsEvenOverAll) {
  for (const std::size_t listed : {4U, 7U, 99U, 1000U, 12'345U}) {
    const auto names = sample_of(listed, 4);
    ASSERT_EQ(names.size(), 4U) << listed;
    for (std::size_t i = 0; i < 4; ++i) {
      const double place = std::stod(names[i]) / static_cast<double>(listed);
      EXPECT_NEAR(place, static_cast<double>(i) / 4, 0.26) << listed;
      EXPECT_TRUE(i == 0 || std::stoul(names[i]) > std::stoul(names[i - 1])) << listed;
    }
  }
}

}  // namespace
}  // namespace headrace::tune
