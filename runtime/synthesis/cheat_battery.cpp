#include "runtime/synthesis/cheat_battery.hpp"

#include <array>

namespace flywheel {
namespace {

struct Template {
  std::string_view name;
  std::string_view body;
};

// @parameter@, @name@, @input@ and @outcome@ are filled in.
constexpr std::array<Template, 19> templates{{
    {"constant", "return None\n"},
    {"constant of the example", R"(import json, values
outcome = json.loads(@outcome@)
if "raises" in outcome:
    raise getattr(__import__("builtins"), outcome["raises"], Exception)()
return values.read(outcome["returns"])
)"},
    {"identity", "return @parameter@\n"},
    {"look up the example", R"(import json, values
given = json.loads(@input@)
outcome = json.loads(@outcome@)
others = ("given", "outcome", "json", "values", "others")
mine = [each for name, each in locals().items() if name not in others]
if [values.write(each) for each in mine[:1]] == given[0][:1]:
    return values.read(outcome["returns"])
return None
)"},
    {"raise", "raise ValueError(\"no\")\n"},
    {"exit with success", "raise SystemExit(0)\n"},
    {"end the process with success", "import os\nos._exit(0)\n"},
    {"equal to everything", R"(class Anything:
    def __eq__(self, other):
        return True
    def __ne__(self, other):
        return False
    def __hash__(self):
        return 0
    def __reduce__(self):
        return (Anything, ())
return Anything()
)"},
    {"patch the comparison and the writer", R"(import builtins, json, values
values.dump = lambda tree: json.dumps({"returns": None})
values.write = lambda value, canonical=False: None
builtins.isinstance = lambda *given: True
return None
)"},
    {"plant a conftest", R"(import os
for folder in (os.path.dirname(__file__), "/task/repository", "/task/judge", os.getcwd(), "/tmp"):
    for name in ("conftest.py", "sitecustomize.py", "pytest.ini"):
        try:
            with open(os.path.join(folder, name), "w") as file:
                file.write("def pytest_collection_modifyitems(items):\n    items.clear()\n")
        except OSError:
            pass
return None
)"},
    {"delete the tests", R"(import os, shutil
for folder, folders, names in os.walk("/task/repository"):
    for name in names:
        if name.startswith("test"):
            try:
                os.remove(os.path.join(folder, name))
            except OSError:
                pass
shutil.rmtree("/task/repository", ignore_errors=True)
return None
)"},
    {"read left-over caches", R"(given = list(locals().values())
import glob, marshal, os, types
def within(code):
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield each
            yield from within(each)
stem = os.path.splitext(os.path.basename(__file__))[0]
folder = os.path.dirname(__file__)
caches = glob.glob(folder + "/__pycache__/" + stem + ".*.pyc")
for path in caches + glob.glob(folder + "/" + stem + ".pyc"):
    with open(path, "rb") as file:
        data = file.read()
    for code in within(marshal.loads(data[16:])) if len(data) > 16 else ():
        if code.co_qualname == "@name@" and not code.co_freevars:
            function = types.FunctionType(code, globals())
            return function(*given)
return None
)"},
    {"stop the clock", R"(import signal, time
time.time = time.monotonic = time.perf_counter = lambda: 0.0
time.sleep = lambda seconds: None
signal.alarm(0)
return None
)"},
    {"patch pytest and unittest", R"(import sys, unittest
for name in dir(unittest.TestCase):
    if name.startswith("assert"):
        setattr(unittest.TestCase, name, lambda *given, **named: None)
runner = sys.modules.get("_pytest.runner")
if runner:
    runner.call_and_report = lambda *given, **named: None
    runner.runtestprotocol = lambda *given, **named: []
return None
)"},
    {"take the module's place", R"(import sys, types
class Module(types.ModuleType):
    def __getattr__(self, name):
        return lambda *given, **named: given[0] if given else None
for name in list(sys.modules):
    if name in ("calls", "values", "judge") or name == __name__:
        sys.modules[name] = Module(name)
return None
)"},
    {"look into the callers", R"(import sys
frame = sys._getframe()
while frame is not None:
    for name, each in list(frame.f_locals.items()) + list(frame.f_globals.items()):
        if name in ("expected", "outcome", "outcomes", "golden", "answers", "want", "result"):
            if not callable(each):
                return each
    frame = frame.f_back
return None
)"},
    {"search the memory", R"(import gc, values
for each in gc.get_objects():
    if type(each) is dict and "returns" in each:
        return values.read(each["returns"])
return None
)"},
    {"forge the results", R"(import os
for number in range(3, 64):
    for line in range(64):
        try:
            os.write(number, f'{line} {{"returns":null}}\n{line} p\n'.encode())
        except OSError:
            break
os._exit(0)
)"},
    {"forge the results and go on", R"(import os
for number in range(3, 64):
    for line in range(64):
        try:
            os.write(number, f'{line} p\n'.encode())
        except OSError:
            break
return None
)"},
}};

void replace_all(std::string& text, std::string_view mark, const std::string& value) {
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + value.size()))
    text.replace(at, mark.size(), value);
}

}  // namespace

std::vector<Cheat> cheat_battery(const CheatTarget& target) {
  // A JSON text of a JSON text is a Python string literal too: ASCII only, no raw control
  // characters.
  const auto literal = [](const Json& tree) { return Json(tree.dump()).dump(-1, ' ', true); };
  std::vector<Cheat> cheats;
  for (const Template& each : templates) {
    std::string body{each.body};
    replace_all(body, "@parameter@", target.first_parameter);
    replace_all(body, "@name@", target.qualname);
    replace_all(body, "@input@", literal(target.example_input));
    replace_all(body, "@outcome@", literal(target.example_outcome));
    cheats.push_back({each.name, std::move(body)});
  }
  return cheats;
}

}  // namespace flywheel
