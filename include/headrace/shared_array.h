// Arrays that several processes see without copying.
//
//     headrace::SharedArray<float> a({1080, 1920});    // zeros; a({1080, 1920}, headrace::uninitialized) skips that
//     a(3, 5) = 1;                                     // a.at(3, 5) is checked, a.row(3).span() is a std::span
//
// An array travels in tasks, results and queue items as a handle of less than 200 bytes. What makes that
// safe is that nobody writes what somebody else reads, and the types say so:
//
//   exclusive    SharedArray<T>        one owner, reads and writes. Move-only; sending it gives it away:
//                                      afterwards the sender's array is empty.
//   frozen       SharedArray<const T>  std::move(a).freeze(). Any number of readers, for good. Other processes
//                                      have it mapped for reading only: a store to it faults.
//   partitioned  ArrayPart<T>          std::move(a).partition(n) or .tiles(rows, columns): disjoint parts, each with
//                                      one owner; join() makes the whole of them again.
//
// A block of memory is reused when no handle, task or item refers to it any more, also when those that held it
// were killed. T is trivially copyable, without pointers. One array object is used by one thread at a time, as a
// std::vector is; different objects, also of the same memory, by any.
//
// Compiled with HEADRACE_CHECK_ARRAYS (all of a program, or nothing of it), every access is checked for bounds and for
// ownership, and a wrong one throws std::logic_error with the array, the index and the owner.
#pragma once

#include <headrace/codec.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace headrace {

inline constexpr std::size_t kMaxDimensions = 8;
inline constexpr std::size_t kMaxParts = 65536;  // of a partitioned array

// "The contents do not matter": they are what the memory held before.
struct Uninitialized {};
inline constexpr Uninitialized uninitialized{};

// What does not depend on the element type. Not for use by programs.
namespace detail {

// A block of shared memory as this process sees it; it stays allocated for as long as `held` lives.
struct ArrayBlock {
  std::byte* data = nullptr;
  std::size_t bytes = 0;
  std::uint64_t segment = 0;
  std::uint32_t block = 0;
  std::uint32_t generation = 0;
  bool writable = false;
  std::atomic<std::uint32_t>* writer =
      nullptr;             // in shared memory: a participant, or one of the three below
  std::uint32_t self = 0;  // this process as a participant
  std::shared_ptr<const void> held = {};
};
inline constexpr std::uint32_t kWriterInTransit = 0;
inline constexpr std::uint32_t kWriterParts = 0xFFFFFFFE;
inline constexpr std::uint32_t kWriterFrozen = 0xFFFFFFFF;

// A new block that this process may write. Throws std::runtime_error with the limit when there is no memory for it.
std::shared_ptr<ArrayBlock> new_block(std::size_t bytes, bool zeroed);
// The block that a handle names. Throws DecodeError when there is none.
std::shared_ptr<ArrayBlock> open_block(std::uint64_t segment, std::uint32_t block,
                                       std::uint32_t generation, bool writable);

// Which element lies where, in elements. Strides are never negative.
struct Layout {
  std::size_t dimensions = 0;
  std::array<std::size_t, kMaxDimensions> shape = {};
  std::array<std::size_t, kMaxDimensions> strides = {};

  // Throws std::invalid_argument: no dimension, more than 8, or more bytes than can be.
  static Layout row_major(std::span<const std::size_t> shape, std::size_t element_bytes);
  std::size_t size() const {
    std::size_t size = dimensions == 0 ? 0 : 1;
    for (std::size_t d = 0; d < dimensions; ++d) size *= shape[d];
    return size;
  }
  bool contiguous() const;
  Layout slice(std::size_t dimension, std::size_t from,
               std::size_t to) const;   // throws std::out_of_range
  Layout row(std::size_t index) const;  // throws std::out_of_range
  // Throws std::out_of_range with index and shape.
  void check(std::span<const std::size_t> index) const;
  std::size_t offset(std::span<const std::size_t> index) const {
    std::size_t offset = 0;
    for (std::size_t d = 0; d < index.size(); ++d) offset += index[d] * strides[d];
    return offset;
  }
  friend bool operator==(const Layout&, const Layout&) = default;
};
std::string describe(std::span<const std::size_t> numbers);  // "[3, 4]"

// Which part of a partitioned array: the first dimension is cut into `rows` ranges, the second into `columns`.
struct PartOf {
  std::uint32_t index = 0;
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::uint32_t count() const { return rows * columns; }
  friend bool operator==(const PartOf&, const PartOf&) = default;
};
// Where the part begins in each dimension, and its own layout.
struct Region {
  std::array<std::size_t, kMaxDimensions> first = {};
  Layout layout = {};
};
Region region(const Layout& whole, const PartOf& part);
// Throws std::invalid_argument when an array of this layout cannot be cut so.
void check_grid(const Layout& whole, std::size_t rows, std::size_t columns);

enum class ArrayMode : std::uint8_t { empty = 0, exclusive = 1, frozen = 2, part = 3 };

// What travels.
struct ArrayHandle {
  ArrayMode mode = ArrayMode::empty;
  char kind = 'o';  // of element: b(ool), i(nteger), u(nsigned), f(loating), o(ther)
  std::uint32_t element_bytes = 0;
  std::uint64_t segment = 0;
  std::uint32_t block = 0;
  std::uint32_t generation = 0;
  std::uint64_t offset = 0;  // of the first element, in elements
  Layout layout = {};        // of the array; for a part: of the whole
  PartOf part = {};
  std::uint64_t owners_segment =
      0;  // the block of the parts' owners, with HEADRACE_CHECK_ARRAYS, or 0
  std::uint32_t owners_block = 0;
  std::uint32_t owners_generation = 0;
};
void write_handle(Encoder& to, const ArrayHandle& handle);
// Checks all that can be checked without the block. Throws DecodeError.
ArrayHandle read_handle(Decoder& from, ArrayMode expected, char kind, std::size_t element_bytes);
// Checks that the block is there, has the mode, and holds every element. Claims it if it is exclusive.
std::shared_ptr<ArrayBlock> open_handle(const ArrayHandle& handle);
std::shared_ptr<ArrayBlock> open_owners(const ArrayHandle& handle);

Reference reference_to(const std::shared_ptr<ArrayBlock>& block);
// This process stops being the one that writes; the next to decode the handle becomes it.
void give_away(ArrayBlock& block);

[[noreturn]] void throw_empty();       // access to an array that was moved from or given away
[[noreturn]] void throw_given_away();  // an attempt to send such an array
[[noreturn]] void throw_not_contiguous(const Layout& layout);
// The checks of HEADRACE_CHECK_ARRAYS; throw std::logic_error.
void check_access(const ArrayBlock& block, const std::atomic<std::uint32_t>* owner,
                  const Layout& layout, std::span<const std::size_t> index);
void check_owner(const ArrayBlock& block, const std::atomic<std::uint32_t>* owner);
// join(): which part is which; throws std::invalid_argument if one is missing, twice there, or of another array.
struct PartName {
  const ArrayBlock* block = nullptr;
  const Layout* whole = nullptr;
  std::uint64_t offset = 0;
  PartOf part = {};
};
void check_complete(std::span<const PartName> parts);

template <class T>
constexpr char element_kind() {
  if (std::is_same_v<T, bool>) return 'b';
  if (std::is_floating_point_v<T>) return 'f';
  if (std::is_integral_v<T>) return std::is_signed_v<T> ? 'i' : 'u';
  return 'o';
}

template <class T>
concept ArrayElement = std::is_trivially_copyable_v<T> && !std::is_pointer_v<T> &&
                       !std::is_volatile_v<T> && !std::is_reference_v<T> && alignof(T) <= 64;

}  // namespace detail

namespace detail {

// Who may use what a view shows; nothing at all without the checks.
#ifdef HEADRACE_CHECK_ARRAYS
struct Ownership {
  const ArrayBlock* block = nullptr;
  const std::atomic<std::uint32_t>* word = nullptr;
  void check(const Layout& layout, std::span<const std::size_t> index) const {
    if (block != nullptr) check_access(*block, word, layout, index);
  }
  void check() const {
    if (block != nullptr) check_owner(*block, word);
  }
};
#else
struct Ownership {
  void check(const Layout&, std::span<const std::size_t>) const {}
  void check() const {}
};
#endif

}  // namespace detail

// A window into an array: a pointer, a shape and strides, as std::mdspan. Owns nothing: valid while the array is.
template <class T>
class ArrayView {
 public:
  using element_type = T;
  using value_type = std::remove_cv_t<T>;

  ArrayView() = default;
  ArrayView(T* data, const detail::Layout& layout, detail::Ownership owner = {})
      : data_(data), layout_(layout), owner_(owner) {}
  operator ArrayView<const T>() const requires(!std::is_const_v<T>) {
    return {data_, layout_, owner_};
  }

  // One index a dimension. Not checked.
  template <std::convertible_to<std::size_t>... I>
  requires(sizeof...(I) > 0) T& operator()(I... index) const {
    const std::array<std::size_t, sizeof...(I)> at{static_cast<std::size_t>(index)...};
    owner_.check(layout_, at);
    return data_[layout_.offset(at)];
  }
  // The same for one dimension.
  T& operator[](std::size_t index) const { return (*this)(index); }
  // Checked: throws std::out_of_range.
  template <std::convertible_to<std::size_t>... I>
  requires(sizeof...(I) > 0) T& at(I... index) const {
    const std::array<std::size_t, sizeof...(I)> at{static_cast<std::size_t>(index)...};
    layout_.check(at);
    owner_.check(layout_, at);
    return data_[layout_.offset(at)];
  }

  // All elements in a row. Throws std::logic_error when they do not lie so.
  std::span<T> span() const {
    if (!layout_.contiguous()) detail::throw_not_contiguous(layout_);
    owner_.check();
    return {data_, layout_.size()};
  }
  // What lies at one index of the first dimension; a dimension less, but never less than one.
  ArrayView row(std::size_t index) const {
    return {data_ + row_start(index), layout_.row(index), owner_};
  }
  // The indices [from, to) of one dimension.
  ArrayView slice(std::size_t dimension, std::size_t from, std::size_t to) const {
    const detail::Layout part = layout_.slice(dimension, from, to);
    return {data_ + (part.size() == 0 ? 0 : from * layout_.strides[dimension]), part, owner_};
  }

  T* data() const { return data_; }
  std::size_t dimensions() const { return layout_.dimensions; }
  std::span<const std::size_t> shape() const {
    return std::span(layout_.shape).first(layout_.dimensions);
  }
  std::size_t shape(std::size_t dimension) const { return shape()[dimension]; }
  std::span<const std::size_t> strides() const {
    return std::span(layout_.strides).first(layout_.dimensions);
  }
  std::size_t size() const { return layout_.size(); }
  bool contiguous() const { return layout_.contiguous(); }
  const detail::Layout& layout() const { return layout_; }

 private:
  std::size_t row_start(std::size_t index) const {
    return layout_.size() == 0 ? 0 : index * layout_.strides[0];
  }
  T* data_ = nullptr;
  detail::Layout layout_ = {};
  [[no_unique_address]] detail::Ownership owner_ = {};
};

template <class T>
class SharedArray;
template <class T>
class ArrayPart;

namespace detail {

// What the three kinds of arrays have in common: a view, and the block that it lies in. Constness is deep.
template <class T>
class ArrayBase {
 public:
  using element_type = T;
  using value_type = std::remove_cv_t<T>;

  template <std::convertible_to<std::size_t>... I>
  T& operator()(I... index) {
    return view_(index...);
  }
  template <std::convertible_to<std::size_t>... I>
  const T& operator()(I... index) const {
    return view_(index...);
  }
  T& operator[](std::size_t index) { return view_[index]; }
  const T& operator[](std::size_t index) const { return view_[index]; }
  template <std::convertible_to<std::size_t>... I>
  T& at(I... index) {
    return view().at(index...);
  }
  template <std::convertible_to<std::size_t>... I>
  const T& at(I... index) const {
    return view().at(index...);
  }

  // These throw std::logic_error when the array was moved from or given away.
  ArrayView<T> view() & {
    require();
    return view_;
  }
  ArrayView<const T> view() const& {
    require();
    return view_;
  }
  std::span<T> span() & { return view().span(); }
  std::span<const T> span() const& { return view().span(); }
  ArrayView<T> row(std::size_t index) & { return view().row(index); }
  ArrayView<const T> row(std::size_t index) const& { return view().row(index); }
  ArrayView<T> slice(std::size_t dimension, std::size_t from, std::size_t to) & {
    return view().slice(dimension, from, to);
  }
  ArrayView<const T> slice(std::size_t dimension, std::size_t from, std::size_t to) const& {
    return view().slice(dimension, from, to);
  }

  T* data() { return view_.data(); }
  const T* data() const { return view_.data(); }
  std::size_t dimensions() const { return view_.dimensions(); }
  std::span<const std::size_t> shape() const { return view_.shape(); }
  std::size_t shape(std::size_t dimension) const { return view_.shape(dimension); }
  std::span<const std::size_t> strides() const { return view_.strides(); }
  std::size_t size() const { return view_.size(); }
  bool contiguous() const { return view_.contiguous(); }
  // False for an array that was default-constructed, moved from or given away.
  explicit operator bool() const { return block_ != nullptr; }

 protected:
  using Element = std::remove_const_t<T>;
  static_assert(ArrayElement<Element>,
                "elements are trivially copyable, no pointers, alignment at most 64");

  ArrayBase() = default;
  ~ArrayBase() = default;
  ArrayBase(const ArrayBase&) = default;
  ArrayBase& operator=(const ArrayBase&) = default;
  ArrayBase(ArrayBase&& other) noexcept
      : view_(std::exchange(other.view_, {})),
        block_(std::move(other.block_)),
        gone_(std::exchange(other.gone_, true)) {}
  ArrayBase& operator=(ArrayBase&& other) noexcept {
    if (this != &other) {
      view_ = std::exchange(other.view_, {});
      block_ = std::move(other.block_);
      gone_ = std::exchange(other.gone_, true);
    }
    return *this;
  }

  void require() const {
    if (!block_) throw_empty();
  }
  // Of the view's first element in the block.
  std::size_t offset_in_block() const {
    return static_cast<std::size_t>(view_.data() - reinterpret_cast<const T*>(block_->data));
  }
  static T* element(const ArrayBlock& block, std::size_t offset) {
    return reinterpret_cast<T*>(block.data) + offset;
  }
  // The handle of what is not empty; throws when it was given away. False if there never was anything.
  bool start_handle(ArrayHandle& handle, ArrayMode mode) const {
    if (!block_ && gone_) throw_given_away();
    if (!block_) return false;
    handle = {.mode = mode,
              .kind = element_kind<Element>(),
              .element_bytes = static_cast<std::uint32_t>(sizeof(T)),
              .segment = block_->segment,
              .block = block_->block,
              .generation = block_->generation,
              .offset = offset_in_block(),
              .layout = view_.layout()};
    return true;
  }
  static ArrayHandle expect(Decoder& from, ArrayMode mode) {
    return read_handle(from, mode, element_kind<Element>(), sizeof(T));
  }
  void vanish() const {
    view_ = {};
    block_.reset();
    gone_ = true;
  }

  // Mutable, because an encoder is given a const array, and sending an exclusive array takes it away.
  mutable ArrayView<T> view_;
  mutable std::shared_ptr<ArrayBlock> block_;
  mutable bool gone_ = false;
};

}  // namespace detail

// The frozen kind: shared by any number of readers, cheap to copy.
template <class T>
class SharedArray<const T> : public detail::ArrayBase<const T> {
  using Base = detail::ArrayBase<const T>;

 public:
  SharedArray() = default;

  // These keep the memory alive as the whole does, and can be sent.
  SharedArray row(std::size_t index) const { return part(this->view().row(index)); }
  SharedArray slice(std::size_t dimension, std::size_t from, std::size_t to) const {
    return part(this->view().slice(dimension, from, to));
  }

 private:
  friend class SharedArray<T>;
  friend struct Codec<SharedArray<const T>>;
  SharedArray part(const ArrayView<const T>& view) const {
    SharedArray result(*this);
    result.view_ = view;
    return result;
  }
};

// The exclusive kind: one owner, who reads and writes.
template <class T>
class SharedArray : public detail::ArrayBase<T> {
  using Base = detail::ArrayBase<T>;

 public:
  SharedArray() = default;
  // Of zeros. Throws std::invalid_argument for a shape that cannot be, std::runtime_error when there is no memory.
  explicit SharedArray(std::initializer_list<std::size_t> shape)
      : SharedArray(std::span(shape.begin(), shape.size()), true) {}
  explicit SharedArray(std::span<const std::size_t> shape) : SharedArray(shape, true) {}
  SharedArray(std::initializer_list<std::size_t> shape, Uninitialized)
      : SharedArray(std::span(shape.begin(), shape.size()), false) {}
  SharedArray(std::span<const std::size_t> shape, Uninitialized) : SharedArray(shape, false) {}

  SharedArray(SharedArray&&) noexcept = default;
  SharedArray& operator=(SharedArray&&) noexcept = default;
  SharedArray(const SharedArray&) = delete;
  SharedArray& operator=(const SharedArray&) = delete;
  ~SharedArray() = default;

  // Nobody writes it any more.
  SharedArray<const T> freeze() &&;
  // `count` parts of as equal numbers of rows (indices of the first dimension) as can be; when there are fewer rows,
  // some parts have none.
  std::vector<ArrayPart<T>> partition(std::size_t count) && {
    return std::move(*this).tiles(count, 1);
  }
  // rows x columns parts of an array that has two dimensions or more, row by row.
  std::vector<ArrayPart<T>> tiles(std::size_t rows, std::size_t columns) &&;

 private:
  friend struct Codec<SharedArray<T>>;
  template <class U>
  friend SharedArray<U> join(std::vector<ArrayPart<U>>&& parts);

  SharedArray(std::span<const std::size_t> shape, bool zeroed) {
    const detail::Layout layout = detail::Layout::row_major(shape, sizeof(T));
    show(detail::new_block(layout.size() * sizeof(T), zeroed), 0, layout);
  }
  void show(std::shared_ptr<detail::ArrayBlock> block, std::size_t offset,
            const detail::Layout& layout) {
    detail::Ownership owner;
#ifdef HEADRACE_CHECK_ARRAYS
    owner = {block.get(), block->writer};
#endif
    this->view_ = {Base::element(*block, offset), layout, owner};
    this->block_ = std::move(block);
  }
};

// A part of a partitioned array, with one owner. Indices count from the part's own beginning.
template <class T>
class ArrayPart : public detail::ArrayBase<T> {
  using Base = detail::ArrayBase<T>;

 public:
  ArrayPart() = default;
  ArrayPart(ArrayPart&&) noexcept = default;
  ArrayPart& operator=(ArrayPart&&) noexcept = default;
  ArrayPart(const ArrayPart&) = delete;
  ArrayPart& operator=(const ArrayPart&) = delete;
  ~ArrayPart() = default;

  // Where the part begins in the whole.
  std::size_t first(std::size_t dimension) const { return first_.at(dimension); }
  std::size_t index() const { return part_.index; }    // which part of
  std::size_t count() const { return part_.count(); }  // how many
  std::span<const std::size_t> whole_shape() const {
    return std::span(whole_.shape).first(whole_.dimensions);
  }

 private:
  friend class SharedArray<T>;
  friend struct Codec<ArrayPart<T>>;
  template <class U>
  friend SharedArray<U> join(std::vector<ArrayPart<U>>&& parts);

  ArrayPart(std::shared_ptr<detail::ArrayBlock> block, std::shared_ptr<detail::ArrayBlock> owners,
            std::size_t offset, const detail::Layout& whole, const detail::PartOf& part)
      : owners_(std::move(owners)), whole_(whole), whole_offset_(offset), part_(part) {
    const detail::Region region = detail::region(whole, part);
    first_ = region.first;
    detail::Ownership owner;
#ifdef HEADRACE_CHECK_ARRAYS
    if (owners_) owner = {block.get(), owner_word()};
#endif
    const std::size_t start =
        region.layout.size() == 0 ? 0 : whole.offset(std::span(first_).first(whole.dimensions));
    this->view_ = {Base::element(*block, offset + start), region.layout, owner};
    this->block_ = std::move(block);
    own(this->block_->self);
  }
  std::atomic<std::uint32_t>* owner_word() const {
    return reinterpret_cast<std::atomic<std::uint32_t>*>(owners_->data) + part_.index;
  }
  void own(std::uint32_t participant) const {
    if (owners_) owner_word()->store(participant);
  }
  detail::PartName name() const {
    return {this->block_.get(), &whole_, whole_offset_, part_};
  }

  mutable std::shared_ptr<detail::ArrayBlock>
      owners_;  // a word a part; only with HEADRACE_CHECK_ARRAYS
  detail::Layout whole_ = {};
  std::size_t whole_offset_ = 0;
  detail::PartOf part_ = {};
  std::array<std::size_t, kMaxDimensions> first_ = {};
};

template <class T>
SharedArray<const T> SharedArray<T>::freeze() && {
  this->require();
  SharedArray<const T> frozen;
  const detail::Layout layout = this->view_.layout();
  const std::size_t offset = this->offset_in_block();
  this->block_->writer->store(detail::kWriterFrozen);
#ifdef HEADRACE_CHECK_ARRAYS
  // So that a stray write faults here too.
  frozen.block_ = detail::open_block(this->block_->segment, this->block_->block,
                                     this->block_->generation, false);
#else
  frozen.block_ = this->block_;
#endif
  frozen.view_ = {SharedArray<const T>::element(*frozen.block_, offset), layout};
  this->vanish();
  return frozen;
}

template <class T>
std::vector<ArrayPart<T>> SharedArray<T>::tiles(std::size_t rows, std::size_t columns) && {
  this->require();
  const detail::Layout whole = this->view_.layout();
  detail::check_grid(whole, rows, columns);
  const std::size_t count = rows * columns;
  std::shared_ptr<detail::ArrayBlock> owners;
#ifdef HEADRACE_CHECK_ARRAYS
  owners = detail::new_block(count * sizeof(std::uint32_t), true);
  owners->writer->store(detail::kWriterParts);
#endif
  std::vector<ArrayPart<T>> parts;
  parts.reserve(count);
  this->block_->writer->store(detail::kWriterParts);
  for (std::uint32_t i = 0; i < count; ++i) {
    const detail::PartOf part{i, static_cast<std::uint32_t>(rows),
                              static_cast<std::uint32_t>(columns)};
    parts.push_back(ArrayPart<T>(this->block_, owners, this->offset_in_block(), whole, part));
  }
  this->vanish();
  return parts;
}

// The whole array again, from all of its parts in any order. Throws std::invalid_argument, and takes nothing, when one
// is missing, there twice, or part of another array.
template <class T>
SharedArray<T> join(std::vector<ArrayPart<T>>&& parts) {
  std::vector<detail::PartName> names;
  names.reserve(parts.size());
  for (const ArrayPart<T>& part : parts) names.push_back(part.name());
  detail::check_complete(names);
  SharedArray<T> whole;
  parts.front().block_->writer->store(parts.front().block_->self);
  whole.show(parts.front().block_, parts.front().whole_offset_, parts.front().whole_);
  parts.clear();
  return whole;
}

// Sending an exclusive array or a part gives it away, although encode() is given a const one: afterwards it is empty,
// access to it through at(), view(), span() throws, and so does sending it again.
template <class T>
struct Codec<SharedArray<T>> {
  static void encode(Encoder& to, const SharedArray<T>& array) {
    detail::ArrayHandle handle;
    if (array.start_handle(handle, detail::ArrayMode::exclusive)) {
      to.refer(detail::reference_to(array.block_));
      detail::give_away(*array.block_);
      array.vanish();
    }
    detail::write_handle(to, handle);
  }
  static SharedArray<T> decode(Decoder& from) {
    SharedArray<T> array;
    const detail::ArrayHandle handle = SharedArray<T>::expect(from, detail::ArrayMode::exclusive);
    if (handle.mode == detail::ArrayMode::exclusive) {
      array.show(detail::open_handle(handle), handle.offset, handle.layout);
    }
    return array;
  }
};

template <class T>
struct Codec<SharedArray<const T>> {
  static void encode(Encoder& to, const SharedArray<const T>& array) {
    detail::ArrayHandle handle;
    if (array.start_handle(handle, detail::ArrayMode::frozen)) {
      to.refer(detail::reference_to(array.block_));
    }
    detail::write_handle(to, handle);
  }
  static SharedArray<const T> decode(Decoder& from) {
    SharedArray<const T> array;
    const auto handle = SharedArray<const T>::expect(from, detail::ArrayMode::frozen);
    if (handle.mode == detail::ArrayMode::frozen) {
      array.block_ = detail::open_handle(handle);
      array.view_ = {SharedArray<const T>::element(*array.block_, handle.offset), handle.layout};
    }
    return array;
  }
};

template <class T>
struct Codec<ArrayPart<T>> {
  static void encode(Encoder& to, const ArrayPart<T>& part) {
    detail::ArrayHandle handle;
    if (part.start_handle(handle, detail::ArrayMode::part)) {
      handle.offset = part.whole_offset_;
      handle.layout = part.whole_;
      handle.part = part.part_;
      to.refer(detail::reference_to(part.block_));
      if (part.owners_) {
        handle.owners_segment = part.owners_->segment;
        handle.owners_block = part.owners_->block;
        handle.owners_generation = part.owners_->generation;
        to.refer(detail::reference_to(part.owners_));
        part.own(detail::kWriterInTransit);
        part.owners_.reset();
      }
      part.vanish();
    }
    detail::write_handle(to, handle);
  }
  static ArrayPart<T> decode(Decoder& from) {
    const detail::ArrayHandle handle = ArrayPart<T>::expect(from, detail::ArrayMode::part);
    if (handle.mode == detail::ArrayMode::empty) return {};
    return ArrayPart<T>(detail::open_handle(handle), detail::open_owners(handle), handle.offset,
                        handle.layout, handle.part);
  }
};

// A view cannot be sent: it is an address of this process.
template <class T>
struct Codec<ArrayView<T>> {
  static_assert(!std::is_same_v<T, T>,
                "an ArrayView cannot be sent; send the array, a part, or a slice of a frozen one");
};

}  // namespace headrace
