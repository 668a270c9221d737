#include "deploy/cost.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headrace::deploy {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(Costs, AreArithmeticThatCanBeDoneAgain) {
  EXPECT_EQ(cost_text({.cpus = 4,
                       .memory_gb = 8,
                       .rate = 220,
                       .rate_from = "--cost",
                       .price_cpu = 0.0000125,
                       .price_memory = 0.0000014}),
            R"(container              4 vCPU and 8 GB: what is asked for is paid for, used or not
rate                   220.0 items a second (--cost)
1000 items             1000 / 220.0 = 4.545 s
  vCPU-seconds         4 x 4.545 = 18.18
  GB-seconds           8 x 4.545 = 36.36
  price of 1000 items  18.18 x 0.0000125 + 36.36 x 0.0000014 = 0.0002782
)");
}

TEST(Costs, AskForPricesThatNobodyGave) {
  const std::string text = cost_text({.cpus = 4, .memory_gb = 8, .rate = 220});
  EXPECT_THAT(text, AllOf(HasSubstr("--price-cpu"), Not(HasSubstr("price of"))));
}

TEST(Costs, CountTheStartOnce) {
  const std::string text = cost_text({.cpus = 2, .memory_gb = 4, .rate = 100, .start_seconds = 30});
  EXPECT_THAT(text, AllOf(HasSubstr("2 x 30.00 = 60.00"), HasSubstr("= 3000 items")));
}

TEST(Costs, OfAServerAreThoseOfItsHours) {
  const std::string text =
      cost_text({.cpus = 2, .memory_gb = 4, .rate = 100, .replicas = 3, .server = true});
  EXPECT_THAT(text, AllOf(HasSubstr("2 x 3600 x 3 containers = 21600"),
                          HasSubstr("300.0 x 3600 = 1080000 items")));
}

}  // namespace
}  // namespace headrace::deploy
