#include "runtime/model/jinja_parser.hpp"

#include <algorithm>
#include <initializer_list>

#include "runtime/model/jinja_expressions.hpp"

namespace flywheel::jinja {
namespace {

class Parser : public ExpressionParser {
 public:
  explicit Parser(std::vector<LexerToken> tokens) : ExpressionParser(std::move(tokens)) {}

  Body run() {
    Body body = statements({});
    if (current().kind != TokenKind::end)
      refuse("'" + following().text + "' closes nothing that is open");
    return body;
  }

 private:
  using Names = std::initializer_list<std::string_view>;

  std::unique_ptr<Statement> make(StatementKind kind) const {
    auto made = std::make_unique<Statement>();
    made->kind = kind;
    made->line = current().line;
    return made;
  }

  bool is_block_with(Names names) const {
    return current().kind == TokenKind::block_begin && following().kind == TokenKind::name &&
           std::find(names.begin(), names.end(), following().text) != names.end();
  }

  // Up to a block that starts with one of `ends`, or to the end of the template.
  Body statements(Names ends) {
    const Nesting nesting{*this};
    Body body;
    while (current().kind != TokenKind::end && !is_block_with(ends)) {
      auto made = statement();
      if (!made) break;
      body.push_back(std::move(made));
    }
    return body;
  }

  // Statements up to {% end %}, which is read too.
  Body body_until(std::string_view end, int opened_at) {
    Body body = statements({end});
    close(end, opened_at);
    return body;
  }

  void close(std::string_view end, int opened_at) {
    if (!is_block_with({end}))
      throw Problem{"a block without '" + std::string{end} + "'", opened_at};
    next();
    next();
    end_block();
  }

  void end_block() {
    if (current().kind != TokenKind::block_end)
      refuse("unexpected '" + current().text + "' before the end of the block");
    next();
  }

  std::unique_ptr<Statement> statement() {
    if (current().kind == TokenKind::data) {
      auto made = make(StatementKind::text);
      made->name = next().text;
      return made;
    }
    if (current().kind == TokenKind::variable_begin) {
      next();
      auto made = make(StatementKind::output);
      made->expressions.push_back(tuple(true));
      if (current().kind != TokenKind::variable_end)
        refuse("unexpected '" + current().text + "' in an expression");
      next();
      return made;
    }
    if (following().kind != TokenKind::name) {
      next();
      refuse("expected the name of a block");
    }
    if (following().text.starts_with("end") || following().text == "else" ||
        following().text == "elif")
      return nullptr;
    next();
    return block();
  }

  std::unique_ptr<Statement> block() {
    const std::string& name = current().text;
    if (name == "if") return branch();
    if (name == "for") return loop();
    if (name == "set") return set();
    if (name == "macro") return macro();
    if (name == "generation") {
      auto made = make(StatementKind::block);
      next();
      end_block();
      made->bodies.push_back(body_until("endgeneration", made->line));
      return made;
    }
    if (name == "break" || name == "continue") {
      if (loop_depth_ == 0) refuse("'" + name + "' outside of a loop");
      auto made = make(name == "break" ? StatementKind::break_loop : StatementKind::continue_loop);
      next();
      end_block();
      return made;
    }
    refuse("the block '" + name + "' is not supported");
  }

  std::unique_ptr<Statement> branch() {
    auto made = make(StatementKind::branch);
    next();
    while (true) {
      made->expressions.push_back(tuple(false));
      end_block();
      made->bodies.push_back(statements({"elif", "else", "endif"}));
      if (!is_block_with({"elif"})) break;
      next();
      next();
    }
    if (is_block_with({"else"})) {
      next();
      next();
      end_block();
      made->bodies.push_back(statements({"endif"}));
    }
    close("endif", made->line);
    return made;
  }

  std::unique_ptr<Statement> loop() {
    auto made = make(StatementKind::loop);
    next();
    made->targets = targets(false);
    expect_name("in");
    made->expressions.push_back(tuple(false, "recursive"));
    made->expressions.push_back(skip_name("if") ? expression() : nullptr);
    if (is_name("recursive")) refuse("a recursive loop is not supported");
    end_block();
    ++loop_depth_;
    made->bodies.push_back(statements({"else", "endfor"}));
    --loop_depth_;
    if (is_block_with({"else"})) {
      next();
      next();
      end_block();
      made->bodies.push_back(statements({"endfor"}));
    }
    close("endfor", made->line);
    return made;
  }

  std::vector<Target> targets(bool with_attribute) {
    std::vector<Target> found;
    const bool in_brackets = skip_symbol("(");
    do {
      if (!found.empty() && (is_name("in") || is_symbol("=") || is_symbol(")"))) break;
      if (is_symbol("(")) refuse("nested names to unpack into are not supported");
      Target target{take_name(), {}};
      if (target.name == "true" || target.name == "false" || target.name == "none" ||
          target.name == "True" || target.name == "False" || target.name == "None")
        refuse("'" + target.name + "' can't be set");
      if (with_attribute && skip_symbol(".")) {
        target.attribute = take_name();
        if (target.attribute.starts_with('_'))
          refuse("the attribute '" + target.attribute + "' is out of bounds for templates");
      }
      found.push_back(std::move(target));
    } while (skip_symbol(","));
    if (in_brackets) expect_symbol(")");
    return found;
  }

  std::unique_ptr<Statement> set() {
    auto made = make(StatementKind::assign);
    next();
    made->targets = targets(true);
    if (skip_symbol("=")) {
      made->expressions.push_back(tuple(true));
      end_block();
      return made;
    }
    made->kind = StatementKind::capture;
    if (made->targets.size() != 1) refuse("a set block takes one name");
    if (is_symbol("|")) refuse("a filter on a set block is not supported");
    end_block();
    made->bodies.push_back(body_until("endset", made->line));
    return made;
  }

  std::unique_ptr<Statement> macro() {
    if (loop_depth_ > 0 || in_macro_) refuse("a macro inside a loop or macro is not supported");
    auto made = make(StatementKind::macro);
    next();
    made->name = take_name();
    expect_symbol("(");
    while (!is_symbol(")")) {
      std::string name = take_name();
      ExpressionPointer value = skip_symbol("=") ? expression() : nullptr;
      if (!value && !made->parameters.empty() && made->parameters.back().second)
        refuse("the parameter '" + name + "' needs a default, as the one before it has one");
      made->parameters.emplace_back(std::move(name), std::move(value));
      if (!skip_symbol(",")) break;
    }
    expect_symbol(")");
    end_block();
    in_macro_ = true;
    made->bodies.push_back(body_until("endmacro", made->line));
    in_macro_ = false;
    return made;
  }

  int loop_depth_ = 0;
  bool in_macro_ = false;
};

}  // namespace

Body parse(std::string_view source) {
  return Parser{cut_into_tokens(source)}.run();
}

}  // namespace flywheel::jinja
