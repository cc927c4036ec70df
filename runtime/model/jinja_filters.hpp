// Tables of filters, by name.
#pragma once

#include <map>
#include <string_view>

#include "runtime/model/jinja_builtins.hpp"

namespace flywheel::jinja {

using Filter = Value (*)(Machine& machine, const Value& operand, Arguments& arguments);
using FilterTable = std::map<std::string_view, Filter>;

// Those that choose from, order or sum up the items of lists and mappings.
const FilterTable& list_filters();

// value.a.b.0 for the path "a.b.0", as map(attribute=...) and its like read it.
Value dotted(Machine& machine, Value value, const Value& path);

}  // namespace flywheel::jinja
