// What templates may call: filters, tests, methods of Python's types, and global functions.
//
// Guarantees: every one does what Jinja 3.1 under Python does, or throws Problem. Each charges a
// budget
//             for what it makes, so that no template runs or grows without end.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/model/jinja_value.hpp"

namespace flywheel::jinja {

// Counts the work of one rendering, and keeps what must outlive cycles.
class Machine {
 public:
  Machine() = default;
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // One unit is a node evaluated, 16 bytes of text made or one element stored.
  void charge(std::size_t units);
  void charge_text(std::size_t bytes) { charge(bytes / 16 + 1); }
  Value text(std::string text);
  std::string show(const Value& value);  // to_text(), charged for
  Value list(std::vector<Value> items, bool is_tuple = false);
  Value dict(std::vector<std::pair<std::string, Value>> members);
  Value name_space(std::vector<std::pair<std::string, Value>> members);

 private:
  static constexpr std::size_t units_max = 8'000'000;

  std::size_t units_ = 0;
  std::vector<std::shared_ptr<Namespace>> namespaces_{};
};

// The arguments of one call; take() them in the order of the parameters, then finish().
class Arguments {
 public:
  std::vector<Value> positional{};
  std::vector<std::pair<std::string, Value>> named{};

  std::optional<Value> take(std::string_view name);
  Value require(std::string_view name);
  std::string text(std::string_view name);  // required, a string
  bool flag(std::string_view name, bool fallback);
  std::int64_t integer(std::string_view name, std::int64_t fallback);
  void finish() const;  // refuses what nobody took

 private:
  std::size_t taken_ = 0;
};

bool is_filter(std::string_view name);
bool is_test(std::string_view name);
bool takes_no_argument(std::string_view test);
bool is_method(std::string_view name);

Value apply_filter(Machine& machine, std::string_view name, const Value& operand,
                   Arguments&& arguments);
bool apply_test(Machine& machine, std::string_view name, const Value& operand, Arguments arguments);
Value call_method(Machine& machine, const Value& receiver, std::string_view name,
                  Arguments&& arguments);
// None where there is no such function.
std::optional<Value> global_named(std::string_view name);
Value call_global(Machine& machine, std::string_view name, Arguments arguments);

// Whether Python's type of `value` has a method of that name.
bool has_method(const Value& value, std::string_view name);

// What a loop over `value` sees.
std::vector<Value> items_of(Machine& machine, const Value& value);

// value.name and value[key] as a template reads them; what is not there is undefined.
Value attribute_of(Machine& machine, const Value& value, const std::string& name);
Value item_of(Machine& machine, const Value& value, const Value& key);
Value slice_of(Machine& machine, const Value& value, const Value& start, const Value& stop,
               const Value& step);

Value arithmetic(Machine& machine, std::string_view sign, const Value& left, const Value& right);
bool compares(Machine& machine, std::string_view sign, const Value& left, const Value& right);
bool is_less(const Value& left, const Value& right);

std::string to_json(Machine& machine, const Value& value, Arguments arguments);

}  // namespace flywheel::jinja
