// Whatever goes into an encoder comes out of a decoder, and no bytes can hurt a decoder.
#include <gtest/gtest.h>
#include <headrace/codec.h>

#include <limits>
#include <random>

namespace headrace {
namespace {

using Random = std::mt19937_64;

struct Point {
  int x = 0;
  double y = 0;
  bool operator==(const Point&) const = default;
};
struct Box {
  std::string label;
  std::vector<Point> corners;
  std::optional<std::string> note;
  auto headrace_members() { return std::tie(label, corners, note); }
  bool operator==(const Box&) const = default;
};
enum class Colour : std::uint8_t { red, green };
struct Version {  // by specialisation, without a default constructor
  explicit Version(int number_) : number(number_) {}
  int number;
  std::unique_ptr<int> not_copyable;
};

}  // namespace

template <>
struct Codec<Version> {
  static void encode(Encoder& to, const Version& version) { to(version.number); }
  static Version decode(Decoder& from) { return Version(from.operator()<int>()); }
};

namespace {

// --- values of any type, at random ---------------------------------------------------------------

template <class T>
struct Any;
template <class T>
requires std::is_arithmetic_v<T>
struct Any<T> {
  static T make(Random& random) {
    if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(static_cast<std::int64_t>(random())) / 3;
    } else {
      return static_cast<T>(random());
    }
  }
};
template <>
struct Any<bool> {
  static bool make(Random& random) { return random() % 2 == 0; }
};
template <>
struct Any<Colour> {
  static Colour make(Random& random) { return static_cast<Colour>(random() % 2); }
};
template <>
struct Any<std::string> {
  static std::string make(Random& random) {
    std::string text(random() % 40, '\0');
    for (char& c : text) c = static_cast<char>(random());
    return text;
  }
};
template <>
struct Any<Point> {
  static Point make(Random& random) { return {Any<int>::make(random), Any<double>::make(random)}; }
};
template <class T>
struct Any<std::vector<T>> {
  static std::vector<T> make(Random& random) {
    std::vector<T> values;
    for (std::size_t left = random() % 6; left > 0; --left) values.push_back(Any<T>::make(random));
    return values;
  }
};
template <class T>
struct Any<std::optional<T>> {
  static std::optional<T> make(Random& random) {
    if (random() % 2 == 0) return std::nullopt;
    return Any<T>::make(random);
  }
};
template <class A, class B>
struct Any<std::pair<A, B>> {
  static std::pair<A, B> make(Random& random) {
    auto a = Any<A>::make(random);
    return {std::move(a), Any<B>::make(random)};
  }
};
template <class... T>
struct Any<std::tuple<T...>> {
  static std::tuple<T...> make(Random& random) { return std::tuple<T...>{Any<T>::make(random)...}; }
};
template <class T, std::size_t N>
struct Any<std::array<T, N>> {
  static std::array<T, N> make(Random& random) {
    std::array<T, N> values;
    for (T& value : values) value = Any<T>::make(random);
    return values;
  }
};
template <class K, class V>
struct Any<std::map<K, V>> {
  static std::map<K, V> make(Random& random) {
    std::map<K, V> map;
    for (std::size_t left = random() % 5; left > 0; --left) {
      auto key = Any<K>::make(random);
      map.emplace(std::move(key), Any<V>::make(random));
    }
    return map;
  }
};
template <>
struct Any<Box> {
  static Box make(Random& random) {
    return {Any<std::string>::make(random), Any<std::vector<Point>>::make(random),
            Any<std::optional<std::string>>::make(random)};
  }
};

template <class T>
class Codecs : public testing::Test {};
using Types =
    testing::Types<bool, char, std::int8_t, std::uint64_t, float, double, Colour, Point,
                   std::string, Box, std::vector<int>, std::vector<bool>, std::vector<double>,
                   std::vector<std::string>, std::vector<std::vector<Box>>, std::optional<int>,
                   std::optional<std::string>, std::pair<int, std::string>,
                   std::tuple<char, double, std::string, std::vector<float>>, std::array<int, 3>,
                   std::array<std::string, 2>, std::map<std::string, std::vector<int>>,
                   std::map<int, Box>, std::tuple<std::uint8_t, std::vector<double>, std::uint8_t>>;
TYPED_TEST_SUITE(Codecs, Types);

TYPED_TEST(Codecs, GiveBackWhatTheyWereGiven) {
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    Encoder to;
    const auto first = Any<TypeParam>::make(random);
    const auto second = Any<TypeParam>::make(random);
    to(first);
    to(second);
    Decoder from(to.bytes());
    ASSERT_EQ(from.operator()<TypeParam>(), first);
    ASSERT_EQ(from.operator()<TypeParam>(), second);
    ASSERT_EQ(from.left(), 0U);
  }
}

TYPED_TEST(Codecs, RefuseWhatIsCutOff) {
  Random random(2);
  Encoder to;
  to(Any<TypeParam>::make(random));
  for (std::size_t length = 0; length < to.bytes().size(); ++length) {
    const std::vector<std::byte> cut(to.bytes().begin(),
                                     to.bytes().begin() + static_cast<std::ptrdiff_t>(length));
    Decoder from(cut);
    EXPECT_THROW(static_cast<void>(from.operator()<TypeParam>()), DecodeError);
  }
}

TYPED_TEST(Codecs, SurviveAnyBytes) {
  Random random(3);
  for (int i = 0; i < 2000; ++i) {
    std::vector<std::byte> bytes(random() % 200);
    for (std::byte& b : bytes) b = static_cast<std::byte>(random() % (i % 2 == 0 ? 256 : 3));
    Decoder from(bytes);
    try {
      static_cast<void>(from.operator()<TypeParam>());
    } catch (const DecodeError&) {
    }
  }
}

TEST(Codec, ViewsLookIntoTheBytes) {
  Encoder to;
  to(std::uint8_t{1});
  to(std::string_view("text"));
  const std::vector<double> values{1, 2, 3};
  to(std::span<const double>(values));
  Decoder from(to.bytes());
  EXPECT_EQ(from.operator()<std::uint8_t>(), 1);
  const auto text = from.operator()<std::string_view>();
  EXPECT_EQ(text, "text");
  EXPECT_GE(static_cast<const void*>(text.data()), static_cast<const void*>(to.bytes().data()));
  const auto row = from.operator()<std::span<const double>>();
  EXPECT_EQ(std::vector<double>(row.begin(), row.end()), values);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(row.data()) % alignof(double), 0U);
}

TEST(Codec, TypesOfOnesOwnNeedNeitherDefaultNorCopy) {
  Encoder to;
  to(Version(7));
  Decoder from(to.bytes());
  EXPECT_EQ(from.operator()<Version>().number, 7);
}

TEST(Codec, ACountBeyondTheBytesReservesNothing) {
  Encoder to;
  to(std::numeric_limits<std::uint64_t>::max() / 2);
  Decoder from(to.bytes());
  EXPECT_THROW(static_cast<void>(from.operator()<std::vector<std::string>>()), DecodeError);
  Decoder again(to.bytes());
  EXPECT_THROW(static_cast<void>(again.operator()<std::vector<double>>()), DecodeError);
}

}  // namespace
}  // namespace headrace
