// A C++ function as something that another process of the same program can be told to run.
//
// A function is named at compile time, pool.map<row_mean>(...), because only then do this process and
// its workers, which are the same program, both know it: every function named so is entered into a
// list before main() begins. That holds for plain functions and for lambdas without captures.
//
//     double row_mean(SharedArray<const double> a, std::size_t row);   arguments travel by their Codec
//     Label classify(Model& model, std::span<const std::byte> jpeg);   a first parameter that is a
//                      reference to non-const is the worker's state: see worker_state() in pool.h
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <memory>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "headrace/codec.h"

namespace headrace::detail {

struct Function {
  // Runs one task: reads its arguments, writes its result. What the function throws goes through.
  void (*run)(Decoder& arguments, Encoder& result, void* state);
  // For functions that make a worker's state; else null.
  std::shared_ptr<void> (*make_state)(Decoder& arguments);
  bool plain_result = false;  // its results may lie anywhere
  const std::type_info* state =
      nullptr;  // what run() wants, or what make_state() makes; may be null
  const Function* next = nullptr;
  mutable std::atomic<std::uint64_t> key{0};  // see key_of(); 0: not yet looked up

  Function(decltype(run) run_, decltype(make_state) make_state_, const std::type_info* state_,
           bool plain_result_);
  Function(const Function&) = delete;
  Function& operator=(const Function&) = delete;
};

// All of them, in no particular order.
const Function* functions();
// The same in every process that runs this program: which module holds it, and where.
std::uint64_t key_of(const Function& function);

template <class F>
struct Signature : Signature<decltype(&F::operator())> {};
template <class R, class... A>
struct Signature<R (*)(A...)> {
  using Result = R;
  using Parameters = std::tuple<A...>;
};
template <class R, class... A>
struct Signature<R (*)(A...) noexcept> : Signature<R (*)(A...)> {};
template <class R, class C, class... A>
struct Signature<R (C::*)(A...) const> : Signature<R (*)(A...)> {};
template <class R, class C, class... A>
struct Signature<R (C::*)(A...) const noexcept> : Signature<R (*)(A...)> {};

template <class A>
concept StateParameter =
    std::is_lvalue_reference_v<A> && !std::is_const_v<std::remove_reference_t<A>>;

// Parameters without the state.
template <class Parameters>
struct Split {
  using State = void;
  using Arguments = Parameters;
};
template <StateParameter S, class... A>
struct Split<std::tuple<S, A...>> {
  using State = std::remove_reference_t<S>;
  using Arguments = std::tuple<A...>;
};

template <class Arguments>
struct Wire;
template <class... A>
struct Wire<std::tuple<A...>> {
  static_assert(
      (!StateParameter<A> && ...),
      "only the first parameter may be a reference to non-const: it is the worker's state");
  using Values = std::tuple<std::remove_cvref_t<A>...>;
  static constexpr std::size_t count = sizeof...(A);
  // Every task takes the same number of bytes, and they may lie anywhere.
  static constexpr bool plain = (Plain<std::remove_cvref_t<A>> && ...);

  // Encodes what the parameters will be made of: arguments may be of any type that converts to them.
  template <class... Given>
  static void encode(Encoder& to, Given&&... given) {
    static_assert(
        sizeof...(Given) == sizeof...(A),
        "as many arguments as the function has parameters; a first parameter that is a "
        "reference to non-const is the worker's state: take an argument by value or const&");
    (encode_as<std::remove_cvref_t<A>>(to, std::forward<Given>(given)), ...);
  }

 private:
  template <class Value, class Given>
  static void encode_as(Encoder& to, Given&& given) {
    if constexpr (std::is_same_v<Value, std::remove_cvref_t<Given>>) {
      Codec<Value>::encode(to, given);
    } else {
      Codec<Value>::encode(to, static_cast<Value>(std::forward<Given>(given)));
    }
  }
};

template <auto F>
struct Task {
  using S = Signature<std::remove_cvref_t<decltype(F)>>;
  using State = typename Split<typename S::Parameters>::State;
  using Arguments = Wire<typename Split<typename S::Parameters>::Arguments>;
  using Result = std::remove_cvref_t<typename S::Result>;
  static_assert(!IsView<Result>::value && !std::is_pointer_v<Result>,
                "a result must hold what it shows: views and pointers end at the process");

  static void run(Decoder& from, Encoder& to, [[maybe_unused]] void* state) {
    auto values = decode(from);
    auto call = [&](auto&... value) -> decltype(auto) {
      if constexpr (std::is_void_v<State>) {
        return F(std::move(value)...);
      } else {
        return F(*static_cast<State*>(state), std::move(value)...);
      }
    };
    if constexpr (std::is_void_v<Result>) {
      std::apply(call, values);
    } else {
      Codec<Result>::encode(to, std::apply(call, values));
    }
  }
  static typename Arguments::Values decode(Decoder& from) {
    return decode_all(from, static_cast<typename Arguments::Values*>(nullptr));
  }
  template <class... V>
  static std::tuple<V...> decode_all([[maybe_unused]] Decoder& from, std::tuple<V...>*) {
    return std::tuple<V...>{Codec<V>::decode(from)...};  // braces: from left to right
  }
  static const std::type_info* state_type() {
    if constexpr (std::is_void_v<State>) {
      return nullptr;
    } else {
      return &typeid(State);
    }
  }
  static constexpr bool plain_result = std::is_void_v<Result> || Plain<Result>;
  inline static const Function function{&run, nullptr, state_type(), plain_result};
};

// A function whose result stays in the worker, as its state.
template <auto F>
struct StateMaker {
  using State = typename Task<F>::Result;
  static_assert(std::is_void_v<typename Task<F>::State>,
                "what makes the state cannot be given one");

  static std::shared_ptr<void> make(Decoder& from) {
    auto values = Task<F>::decode(from);
    return std::apply(
        [](auto&... value) -> std::shared_ptr<void> {
          // Made in place: a state need not be movable.
          return std::shared_ptr<State>(new State(F(std::move(value)...)));
        },
        values);
  }
  inline static const Function function{nullptr, &make, &typeid(State), true};
};

}  // namespace headrace::detail
