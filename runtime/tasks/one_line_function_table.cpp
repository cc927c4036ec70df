#include "runtime/tasks/one_line_function_table.hpp"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <set>

#include <fmt/format.h>

namespace flywheel {
namespace {

using Numbers = std::vector<std::int64_t>;

// One kind of function of a number: what it says and what it computes, for a constant k.
struct NumberKind {
  std::uint32_t level;
  std::int64_t k_least, k_most;  // one function for each k; equal = no constant
  const char* description;       // {k} stands for the constant
  std::function<Json(std::int64_t n, std::int64_t k)> compute;
};

std::int64_t power(std::int64_t base, std::int64_t exponent) {
  std::int64_t product = 1;
  for (std::int64_t i = 0; i < exponent; ++i) product *= base;
  return product;
}

std::vector<NumberKind> number_kinds() {
  using I = std::int64_t;
  return {
      {1, 1, 40, "n plus {k}", [](I n, I k) { return n + k; }},
      {1, 1, 40, "n minus {k}", [](I n, I k) { return n - k; }},
      {1, 1, 40, "{k} minus n", [](I n, I k) { return k - n; }},
      {1, 2, 40, "n times {k}", [](I n, I k) { return n * k; }},
      {1, 2, 5, "n to the power of {k}", [](I n, I k) { return power(n, k); }},
      {1, 0, 0, "the negative of n", [](I n, I) { return -n; }},
      {1, 2, 20, "n squared plus {k}", [](I n, I k) { return n * n + k; }},
      {1, 2, 20, "n times itself minus {k}", [](I n, I k) { return n * n - k; }},
      {2, 0, 0, "the n-th odd number, where the first is 1", [](I n, I) { return 2 * n - 1; }},
      {2, 2, 20, "the n-th even number plus {k}, where the first even number is 2",
       [](I n, I k) { return 2 * n + k; }},
      {2, 3, 20, "the n-th multiple of {k}, plus 1", [](I n, I k) { return n * k + 1; }},
      {2, 0, 0, "the sum of the numbers from 1 to n", [](I n, I) { return n * (n + 1) / 2; }},
      {2, 2, 6, "the n-th power of {k}", [](I n, I k) { return power(k, n); }},
      {2, 2, 20, "the n-th number of the sequence that starts at {k} and goes up by 3",
       [](I n, I k) { return k + 3 * (n - 1); }},
      {3, 2, 20, "True if n is divisible by {k} and False if it is not",
       [](I n, I k) { return n % k == 0; }},
      {3, 2, 19, "True if n is greater than {k} and False if it is not",
       [](I n, I k) { return n > k; }},
      {3, 2, 19, "True if n is less than {k} and False if it is not",
       [](I n, I k) { return n < k; }},
      {3, 2, 20, "the remainder of n divided by {k}", [](I n, I k) { return n % k; }},
      {3, 2, 20, "n divided by {k}, rounded down", [](I n, I k) { return n / k; }},
      {3, 2, 19, "the larger one of n and {k}", [](I n, I k) { return std::max(n, k); }},
      {3, 2, 19, "the smaller one of n and {k}", [](I n, I k) { return std::min(n, k); }},
      {3, 2, 19, "the distance between n and {k}", [](I n, I k) { return std::abs(n - k); }},
  };
}

struct ListKind {
  std::int64_t k_least, k_most;
  const char* description;
  std::function<Json(const Numbers& items, std::int64_t k)> compute;
};

std::vector<ListKind> list_kinds() {
  using I = std::int64_t;
  const auto sum = [](const Numbers& x) { return std::accumulate(x.begin(), x.end(), I{0}); };
  const auto each = [](Numbers x, const std::function<I(I)>& change) {
    for (I& item : x) item = change(item);
    return Json(x);
  };
  return {
      {0, 0, "the largest number of the list", [](auto& x, I) { return std::ranges::max(x); }},
      {0, 0, "the smallest number of the list", [](auto& x, I) { return std::ranges::min(x); }},
      {0, 12, "the sum of the list plus {k}", [sum](auto& x, I k) { return sum(x) + k; }},
      {0, 12, "the number of items in the list plus {k}",
       [](auto& x, I k) { return static_cast<I>(x.size()) + k; }},
      {2, 3, "the first {k} items of the list",
       [](auto& x, I k) { return Json(Numbers(x.begin(), x.begin() + k)); }},
      {2, 3, "the list without its first {k} items",
       [](auto& x, I k) { return Json(Numbers(x.begin() + k, x.end())); }},
      {0, 0, "the list in reverse order",
       [](auto& x, I) { return Json(Numbers(x.rbegin(), x.rend())); }},
      {0, 0, "the list sorted from the smallest to the largest",
       [](Numbers x, I) {
         std::ranges::sort(x);
         return Json(x);
       }},
      {0, 0, "the last item of the list", [](auto& x, I) { return x.back(); }},
      {2, 12, "the list with every item multiplied by {k}",
       [each](auto& x, I k) { return each(x, [k](I item) { return item * k; }); }},
      {1, 12, "the list with {k} added to every item",
       [each](auto& x, I k) { return each(x, [k](I item) { return item + k; }); }},
      {0, 12, "True if {k} is in the list and False if it is not",
       [](auto& x, I k) { return std::ranges::find(x, k) != x.end(); }},
  };
}

const Numbers number_inputs = {1, 2, 3, 4, 6, 7, 10, 12, 15, 20};
const std::vector<Numbers> list_inputs = {
    {3, 1, 2, 8}, {5, 9, 4, 0}, {10, 6, 11, 7}, {12, 2, 2, 5, 1}, {4, 8, 3, 9, 6, 0}};

std::string with_constant(std::string text, std::int64_t k) {
  for (auto at = text.find("{k}"); at != std::string::npos; at = text.find("{k}"))
    text.replace(at, 3, std::to_string(k));
  return text;
}

// A function whose results are all equal would be passed by a constant.
bool varies(const OneLineFunction& function) {
  return std::ranges::any_of(function.pairs, [&](const OneLinePair& pair) {
    return pair.result != function.pairs.front().result;
  });
}

std::string fingerprint(const OneLineFunction& function) {
  std::string text = function.signature;
  for (const OneLinePair& pair : function.pairs) text += dump_json(pair.result) + ";";
  return text;
}

}  // namespace

std::vector<OneLineFunction> all_one_line_functions() {
  std::vector<OneLineFunction> functions;
  std::set<std::string> seen;
  const auto add = [&](OneLineFunction function) {
    if (varies(function) && seen.insert(fingerprint(function)).second)
      functions.push_back(std::move(function));
  };
  for (const NumberKind& kind : number_kinds())
    for (auto k = kind.k_least; k <= kind.k_most; ++k) {
      OneLineFunction function{.level = kind.level,
                               .signature = "f(n)",
                               .description = with_constant(kind.description, k)};
      for (const auto n : number_inputs)
        function.pairs.push_back({Json::array({n}), kind.compute(n, k)});
      add(std::move(function));
    }
  for (const ListKind& kind : list_kinds())
    for (auto k = kind.k_least; k <= kind.k_most; ++k) {
      OneLineFunction function{
          .level = 4, .signature = "f(items)", .description = with_constant(kind.description, k)};
      for (const Numbers& items : list_inputs)
        function.pairs.push_back({Json::array({items}), kind.compute(items, k)});
      add(std::move(function));
    }
  return functions;
}

}  // namespace flywheel
