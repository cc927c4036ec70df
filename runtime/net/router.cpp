#include "runtime/net/router.hpp"

#include "runtime/base/check.hpp"

namespace flywheel {

namespace {

// "/a/b" gives {"a", "b"}, "/a/" gives {"a", ""}, "/" gives {""}.
std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  path.remove_prefix(1);
  while (true) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool is_dots(std::string_view segment) {
  return !segment.empty() && segment.size() <= 2 &&
         segment.find_first_not_of('.') == std::string_view::npos;
}

}  // namespace

RouteMetrics::RouteMetrics(Metrics& metrics, std::string pattern, std::string method)
    : metrics_(metrics),
      pattern_(std::move(pattern)),
      method_(std::move(method)),
      seconds_(metrics.histogram("flywheel_http_request_duration_seconds",
                                 "From a request's last byte to its answer (a stream's: its head).",
                                 {{"route", pattern_}, {"method", method_}})) {}

void RouteMetrics::count(int status, double seconds) {
  if (status < 0 || status >= 600) status = 0;
  auto& slot = requests_[static_cast<std::size_t>(status)];
  Counter* counter = slot.load(std::memory_order_acquire);
  if (counter == nullptr) {
    counter = &metrics_.counter(
        "flywheel_http_requests_total", "Requests answered.",
        {{"route", pattern_}, {"method", method_}, {"code", std::to_string(status)}});
    slot.store(counter, std::memory_order_release);
  }
  counter->add();
  seconds_.observe(seconds);
}

void Router::add(Route route) {
  FLYWHEEL_CHECK(!route.pattern.empty() && route.pattern[0] == '/');
  FLYWHEEL_CHECK(route.handler != nullptr);
  Node* node = &root_;
  for (const std::string_view segment : split(route.pattern)) {
    FLYWHEEL_CHECK(node->name.find("...") == std::string::npos);  // {rest...} is the last segment
    std::unique_ptr<Node>* child = nullptr;
    std::string name;
    if (segment.size() > 2 && segment.front() == '{' && segment.back() == '}') {
      name = segment.substr(1, segment.size() - 2);
      child = name.ends_with("...") ? &node->rest : &node->parameter;
    } else {
      FLYWHEEL_CHECK(segment.find_first_of("{}") == std::string_view::npos);
      child = &node->literals[std::string{segment}];
    }
    if (!*child) {
      *child = std::make_unique<Node>();
      (*child)->name = name;
    }
    FLYWHEEL_CHECK((*child)->name == name);  // one name for a parameter, whatever follows it
    node = child->get();
  }
  FLYWHEEL_CHECK(!node->methods.contains(route.method));
  auto counts = std::make_unique<RouteMetrics>(metrics_, route.pattern, route.method);
  std::string method = route.method;
  node->methods.emplace(std::move(method), RouteEntry{std::move(route), std::move(counts)});
}

const Router::Node* Router::find(const Node& node, const std::vector<std::string>& segments,
                                 std::size_t position, NamedValues& parameters) {
  if (position == segments.size()) return node.methods.empty() ? nullptr : &node;
  const std::string& segment = segments[position];
  if (const auto literal = node.literals.find(segment); literal != node.literals.end())
    if (const Node* found = find(*literal->second, segments, position + 1, parameters))
      return found;
  if (node.parameter && !segment.empty()) {
    parameters.push_back({node.parameter->name, segment});
    if (const Node* found = find(*node.parameter, segments, position + 1, parameters)) return found;
    parameters.pop_back();
  }
  if (!node.rest) return nullptr;
  std::string rest = segment;
  for (std::size_t i = position + 1; i < segments.size(); ++i) rest += '/' + segments[i];
  parameters.push_back({node.rest->name.substr(0, node.rest->name.size() - 3), std::move(rest)});
  return node.rest.get();
}

Result<RouteMatch> Router::match(std::string_view method, std::string_view path) const {
  std::vector<std::string> segments;
  for (const std::string_view segment : split(path)) {
    auto decoded = decode_percent(segment);
    if (!decoded) return fail(std::move(decoded.error()));
    if (is_dots(*decoded) || decoded->find('/') != std::string::npos)
      return fail(Failure::invalid_input, "the path has a segment '" + std::string{segment} +
                                              "'; '.', '..' and encoded slashes are not served");
    segments.push_back(std::move(*decoded));
  }
  RouteMatch match;
  const Node* node = find(root_, segments, 0, match.parameters);
  if (node == nullptr) return match;
  for (const auto& [name, entry] : node->methods) {
    match.allow += (match.allow.empty() ? "" : ", ") + name;
    if (name == "GET") match.allow += ", HEAD";
  }
  auto found = node->methods.find(method);
  if (found == node->methods.end() && method == "HEAD") found = node->methods.find("GET");
  if (found != node->methods.end()) match.entry = &found->second;
  return match;
}

}  // namespace flywheel
