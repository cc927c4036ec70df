// Router finds the route of a path: literal segments win over {parameters}, those over a last
// {rest...}. Internal to runtime/net.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/metrics.hpp"
#include "runtime/base/result.hpp"
#include "runtime/net/http_server.hpp"

namespace flywheel {

// What is counted for one route; a status gets its counter when it is first answered.
class RouteMetrics {
 public:
  RouteMetrics(Metrics& metrics, std::string pattern, std::string method);

  void count(int status, double seconds);

 private:
  Metrics& metrics_;
  std::string pattern_;
  std::string method_;
  Histogram& seconds_;
  std::array<std::atomic<Counter*>, 600> requests_{};
};

struct RouteEntry {
  Route route{};
  std::unique_ptr<RouteMetrics> metrics{};
};

struct RouteMatch {
  const RouteEntry* entry = nullptr;  // none: no such path, or not with that method
  NamedValues parameters{};
  std::string allow{};  // the methods that the path has; empty = no such path
};

class Router {
 public:
  explicit Router(Metrics& metrics) : metrics_(metrics) {}

  void add(Route route);

  // `path` is not decoded yet; invalid_input: a broken escape or a dot segment.
  Result<RouteMatch> match(std::string_view method, std::string_view path) const;

 private:
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> literals{};
    std::unique_ptr<Node> parameter{};
    std::unique_ptr<Node> rest{};
    std::string name{};  // of the parameter that led here
    std::map<std::string, RouteEntry, std::less<>> methods{};
  };

  static const Node* find(const Node& node, const std::vector<std::string>& segments,
                          std::size_t position, NamedValues& parameters);

  Metrics& metrics_;
  Node root_;
};

}  // namespace flywheel
