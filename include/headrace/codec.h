// How a value becomes bytes and a value again, for task arguments, results and queue items.
//
// Known without further ado: numbers, enums, bool, std::byte; trivially copyable structs; std::string,
// std::vector, std::array, std::optional, std::pair, std::tuple, std::map, std::unordered_map,
// std::chrono::duration, std::filesystem::path, SharedArray. As task *parameters* also std::string_view
// and std::span<const T>, which then look straight into shared memory, without a copy, and are valid
// while the task runs.
//
// A type of your own: either list its members,
//
//     struct Box { std::string label; float score; auto headrace_members() { return std::tie(label, score); } };
//
// or specialise headrace::Codec<T> with encode() and decode() as below.
//
// Both ends are the same build of the same program, so nothing is converted: bytes are the machine's
// own. The bytes may come from a process that went wrong, therefore a decoder never reads or reserves
// beyond what is there, and throws DecodeError instead. Any thread may use an encoder or decoder of
// its own.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace headrace {

// The bytes are not what an encoder of this type writes.
struct DecodeError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// static void encode(Encoder&, const T&); static T decode(Decoder&);
template <class T>
struct Codec {
  static_assert(
      sizeof(T) == 0,
      "this type cannot travel between processes yet: list its members in headrace_members(), "
      "or specialise headrace::Codec (headrace/codec.h); std::unique_ptr, pointers and "
      "callables never can");
};

namespace detail {

inline constexpr std::size_t kCodecAlignment = 16;  // of the first byte of every encoding

// A block of shared memory that an encoded value refers to. It lives for as long as `holder` does.
struct Reference {
  std::uint64_t segment = 0;
  std::uint32_t block = 0;
  std::uint32_t generation = 0;
  std::shared_ptr<const void> holder;
};

}  // namespace detail

class Encoder {
 public:
  template <class T>
  void operator()(const T& value) {
    Codec<T>::encode(*this, value);
  }
  void raw(const void* data, std::size_t size) {
    const auto* from = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), from, from + size);
  }
  // Pads, so that what is appended next can be used in place.
  void align(std::size_t alignment) {
    bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment);
  }
  // The value refers to shared memory: whoever carries the bytes must keep the holder for as long.
  void refer(detail::Reference reference) { references_.push_back(std::move(reference)); }

  std::vector<std::byte>& bytes() { return bytes_; }
  const std::vector<std::byte>& bytes() const { return bytes_; }
  std::vector<detail::Reference>& references() { return references_; }
  const std::vector<detail::Reference>& references() const { return references_; }
  void clear() {
    bytes_.clear();
    references_.clear();
  }

 private:
  std::vector<std::byte> bytes_;
  std::vector<detail::Reference> references_;
};

class Decoder {
 public:
  // `bytes` begin at an address that is a multiple of kCodecAlignment and outlive the views decoded from them.
  explicit Decoder(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <class T>
  T operator()() {
    return Codec<T>::decode(*this);
  }
  // The next `size` bytes, in place.
  std::span<const std::byte> raw(std::size_t size) {
    if (size > left()) throw DecodeError("the bytes end in the middle of a value");
    const auto part = bytes_.subspan(at_, size);
    at_ += size;
    return part;
  }
  void align(std::size_t alignment) {
    const std::size_t next = (at_ + alignment - 1) / alignment * alignment;
    if (next > bytes_.size()) throw DecodeError("the bytes end in the middle of a value");
    at_ = next;
  }
  std::size_t left() const { return bytes_.size() - at_; }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
};

namespace detail {

template <class T>
concept HasMembers = requires(T& value) {
  value.headrace_members();
};

template <class T>
struct IsView : std::false_type {};
template <class C>
struct IsView<std::basic_string_view<C>> : std::true_type {};
template <class T, std::size_t N>
struct IsView<std::span<T, N>> : std::true_type {};

// May be copied byte by byte: what its bytes mean does not depend on where they lie.
template <class T>
concept Plain =
    std::is_trivially_copyable_v<T> && !std::is_pointer_v<T> && !std::is_member_pointer_v<T> &&
    !std::is_null_pointer_v<T> && !std::is_reference_v<T> && !HasMembers<T> && !IsView<T>::value;

inline void encode_size(Encoder& to, std::size_t size) {
  const std::uint64_t count = size;
  to.raw(&count, sizeof count);
}

// A count of things of which each takes at least `each` bytes.
inline std::size_t decode_size(Decoder& from, std::size_t each) {
  std::uint64_t count = 0;
  std::memcpy(&count, from.raw(sizeof count).data(), sizeof count);
  if (count > from.left() / (each == 0 ? 1 : each)) {
    throw DecodeError("a count of " + std::to_string(count) + " is more than its bytes can hold");
  }
  return static_cast<std::size_t>(count);
}

// Things of one plain type in a row, aligned so that they can be used in place.
template <class T>
void encode_row(Encoder& to, std::span<const T> row) {
  encode_size(to, row.size());
  to.align(alignof(T) < kCodecAlignment ? alignof(T) : kCodecAlignment);
  to.raw(row.data(), row.size_bytes());
}
template <class T>
std::span<const T> decode_row(Decoder& from) {
  const std::size_t count = decode_size(from, sizeof(T));
  from.align(alignof(T) < kCodecAlignment ? alignof(T) : kCodecAlignment);
  const auto bytes = from.raw(count * sizeof(T));
  return {reinterpret_cast<const T*>(bytes.data()), count};
}

}  // namespace detail

template <detail::Plain T>
struct Codec<T> {
  static void encode(Encoder& to, const T& value) { to.raw(&value, sizeof value); }
  static T decode(Decoder& from) {
    // Through bytes, because T need not have a default constructor.
    std::array<std::byte, sizeof(T)> bytes;
    std::memcpy(bytes.data(), from.raw(sizeof(T)).data(), sizeof(T));
    if constexpr (std::is_same_v<T, bool>) {
      return bytes[0] != std::byte{0};
    } else {
      return std::bit_cast<T>(bytes);
    }
  }
};

// What lies in the bytes, for parameters of a task; see the head of this file.
template <>
struct Codec<std::string_view> {
  static void encode(Encoder& to, std::string_view text) {
    detail::encode_row(to, std::span<const char>(text.data(), text.size()));
  }
  static std::string_view decode(Decoder& from) {
    const std::span<const char> row = detail::decode_row<char>(from);
    return {row.data(), row.size()};
  }
};
template <detail::Plain T>
struct Codec<std::span<const T>> {
  static_assert(alignof(T) <= detail::kCodecAlignment);
  static void encode(Encoder& to, std::span<const T> row) { detail::encode_row(to, row); }
  static std::span<const T> decode(Decoder& from) { return detail::decode_row<T>(from); }
};

template <>
struct Codec<std::string> {
  static void encode(Encoder& to, const std::string& text) { to(std::string_view(text)); }
  static std::string decode(Decoder& from) {
    return std::string(from.operator()<std::string_view>());
  }
};
template <>
struct Codec<std::filesystem::path> {
  static void encode(Encoder& to, const std::filesystem::path& path) { to(path.native()); }
  static std::filesystem::path decode(Decoder& from) { return from.operator()<std::string>(); }
};

template <class T>
struct Codec<std::vector<T>> {
  static void encode(Encoder& to, const std::vector<T>& values) {
    if constexpr (detail::Plain<T> && !std::is_same_v<T, bool>) {
      detail::encode_row(to, std::span<const T>(values));
    } else {
      detail::encode_size(to, values.size());
      for (const T& value : values) to(value);
    }
  }
  static std::vector<T> decode(Decoder& from) {
    if constexpr (detail::Plain<T> && !std::is_same_v<T, bool>) {
      // The bytes may lie where a T must not, when T wants more than the encoding's alignment.
      const std::size_t count = detail::decode_size(from, sizeof(T));
      from.align(alignof(T) < detail::kCodecAlignment ? alignof(T) : detail::kCodecAlignment);
      const auto bytes = from.raw(count * sizeof(T));
      if constexpr (std::is_default_constructible_v<T>) {
        std::vector<T> values(count);
        if (count > 0) std::memcpy(values.data(), bytes.data(), bytes.size());
        return values;
      } else {
        const auto* first = reinterpret_cast<const T*>(bytes.data());
        return std::vector<T>(first, first + count);
      }
    } else {
      // An element may take no bytes at all, so nothing is reserved beyond what bytes can vouch for.
      const std::size_t count = detail::decode_size(from, std::is_empty_v<T> ? 0 : 1);
      std::vector<T> values;
      values.reserve(count);
      for (std::size_t i = 0; i < count; ++i) values.push_back(from.template operator()<T>());
      return values;
    }
  }
};
template <>
struct Codec<std::vector<bool>> {
  static void encode(Encoder& to, const std::vector<bool>& values) {
    detail::encode_size(to, values.size());
    for (const bool value : values) to(value);
  }
  static std::vector<bool> decode(Decoder& from) {
    std::vector<bool> values(detail::decode_size(from, 1));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = from.operator()<bool>();
    return values;
  }
};

template <class T, std::size_t N>
requires(!detail::Plain<std::array<T, N>>) struct Codec<std::array<T, N>> {
  static void encode(Encoder& to, const std::array<T, N>& values) {
    for (const T& value : values) to(value);
  }
  static std::array<T, N> decode(Decoder& from) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::array<T, N>{(static_cast<void>(I), from.template operator()<T>())...};
    }
    (std::make_index_sequence<N>{});
  }
};

template <class T>
requires(!detail::Plain<std::optional<T>>) struct Codec<std::optional<T>> {
  static void encode(Encoder& to, const std::optional<T>& value) {
    to(value.has_value());
    if (value) to(*value);
  }
  static std::optional<T> decode(Decoder& from) {
    if (!from.operator()<bool>()) return std::nullopt;
    return from.template operator()<T>();
  }
};

template <class... T>
requires(!detail::Plain<std::tuple<T...>>) struct Codec<std::tuple<T...>> {
  static void encode(Encoder& to, const std::tuple<T...>& values) {
    std::apply([&](const T&... value) { (to(value), ...); }, values);
  }
  static std::tuple<T...> decode(Decoder& from) {
    return std::tuple<T...>{from.template operator()<T>()...};  // braces: from left to right
  }
};
template <class A, class B>
requires(!detail::Plain<std::pair<A, B>>) struct Codec<std::pair<A, B>> {
  static void encode(Encoder& to, const std::pair<A, B>& value) {
    to(value.first);
    to(value.second);
  }
  static std::pair<A, B> decode(Decoder& from) {
    return std::pair<A, B>{from.template operator()<A>(), from.template operator()<B>()};
  }
};

namespace detail {

template <class M>
struct MapCodec {
  static void encode(Encoder& to, const M& map) {
    encode_size(to, map.size());
    for (const auto& [key, value] : map) {
      to(key);
      to(value);
    }
  }
  static M decode(Decoder& from) {
    M map;
    for (std::size_t count = decode_size(from, 1); count > 0; --count) {
      auto key = from.template operator()<typename M::key_type>();
      map.emplace(std::move(key), from.template operator()<typename M::mapped_type>());
    }
    return map;
  }
};

}  // namespace detail

template <class K, class V, class... Rest>
struct Codec<std::map<K, V, Rest...>> : detail::MapCodec<std::map<K, V, Rest...>> {};
template <class K, class V, class... Rest>
struct Codec<std::unordered_map<K, V, Rest...>>
    : detail::MapCodec<std::unordered_map<K, V, Rest...>> {};

template <detail::HasMembers T>
struct Codec<T> {
  static void encode(Encoder& to, const T& value) {
    // headrace_members() may be written without const; nothing is changed through it here.
    std::apply([&](const auto&... member) { (to(member), ...); },
               const_cast<T&>(value).headrace_members());
  }
  static T decode(Decoder& from) {
    T value;
    std::apply(
        [&](auto&... member) {
          ((member = from.template operator()<std::remove_cvref_t<decltype(member)>>()), ...);
        },
        value.headrace_members());
    return value;
  }
};

}  // namespace headrace
