// Value is what a template computes with: Python's plain types, and what a template itself makes.
//
// Guarantees: strings, lists and dicts are immutable and shared; only a namespace changes. They
//             nest at most `depth_max` deep, so that no recursion over them runs out of stack.
// Threads:    values of one rendering stay in its thread.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/base/json.hpp"

namespace flywheel::jinja {

inline constexpr int depth_max = 100;

// Thrown inside the library, caught in chat_template.cpp; a line of 0 is filled in on the way.
struct Problem : std::exception {
  Problem(std::string message_in, int line_in = 0)  // NOLINT(google-explicit-constructor): thrown
      : message(std::move(message_in)), line(line_in) {}
  const char* what() const noexcept override { return message.c_str(); }

  std::string message;
  int line;
};

struct Statement;
struct Sequence;
struct Dict;
struct Namespace;
struct Callable;
struct Loop;

struct Undefined {
  std::string name{};  // what was looked for, for the error
};
struct None {};

class Value {
 public:
  using Storage = std::variant<Undefined, None, bool, std::int64_t, double,
                               std::shared_ptr<const std::string>, std::shared_ptr<const Sequence>,
                               std::shared_ptr<const Dict>, std::shared_ptr<Namespace>,
                               std::shared_ptr<const Callable>, std::shared_ptr<const Loop>>;

  Value() = default;
  template <class T>
  requires std::is_constructible_v<Storage, T> &&
      (!std::is_same_v<std::decay_t<T>, Value>)explicit Value(T&& value)
      : storage_(std::forward<T>(value)) {}
  explicit Value(std::string text)
      : storage_(std::make_shared<const std::string>(std::move(text))) {}
  explicit Value(const char* text) : Value(std::string{text}) {}

  template <class T>
  const T* get() const {
    return std::get_if<T>(&storage_);
  }
  bool is_undefined() const { return get<Undefined>() != nullptr; }
  bool is_none() const { return get<None>() != nullptr; }
  bool is_number() const { return is_integer() || get<double>() != nullptr; }
  bool is_integer() const { return get<bool>() != nullptr || get<std::int64_t>() != nullptr; }

  // Null where the value is of another type.
  const std::string* string() const;
  const Sequence* sequence() const;
  const Dict* dict() const;

  // Text that the filter `safe` marked: in Python joining it to other text would escape that.
  bool is_markup() const { return is_markup_; }
  void mark_safe() { is_markup_ = true; }

  std::int64_t integer() const;  // of a bool or an integer
  double number() const;         // of any number

 private:
  Storage storage_{};
  bool is_markup_ = false;
};

struct Sequence {
  std::vector<Value> items{};
  bool is_tuple = false;
  int depth = 1;
  std::size_t weight = 1;  // work of walking over all of it
};

struct Dict {
  std::vector<std::pair<std::string, Value>> members{};  // in order of insertion
  int depth = 1;
  std::size_t weight = 1;

  const Value* find(std::string_view name) const;
};

struct Namespace {
  std::vector<std::pair<std::string, Value>> members{};
};

struct Callable {
  std::string name{};
  Value receiver{};  // of a method
  bool is_method = false;
  const Statement* macro = nullptr;  // of a macro
};

struct Loop {
  Value items{};  // a sequence
  std::size_t index0 = 0;
};

Value make_list(std::vector<Value> items, bool is_tuple = false);
Value make_dict(std::vector<std::pair<std::string, Value>> members);
Value from_json(const OrderedJson& json);

// The work of walking over a value: comparing it, or writing it as text. A list that holds another
// twice weighs twice as much.
std::size_t weight_of(const Value& value);

bool is_true(const Value& value);
bool are_equal(const Value& left, const Value& right);
const char* type_name(const Value& value);  // as Python names it

std::string to_text(const Value& value);  // Python's str()
std::string to_repr(const Value& value);  // Python's repr()

}  // namespace flywheel::jinja
