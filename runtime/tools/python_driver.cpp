#include "runtime/tools/python_driver.hpp"

namespace flywheel {
namespace {

constexpr const char* program = R"python(
import ast, base64, io, json, os, sys, traceback

path, text_max = sys.argv[1], int(sys.argv[2])
code = sys.stdin.read()
sys.argv = ['cell']
sys.path.insert(0, os.getcwd())
os.environ.setdefault('MPLBACKEND', 'Agg')
os.environ.setdefault('MPLCONFIGDIR', '/tmp/matplotlib')
# Debian's own copy is in /etc, which a container has of its own.
os.environ.setdefault('MATPLOTLIBRC', '/usr/share/matplotlib/mpl-data/matplotlibrc')
results, error = [], None
names = {'__name__': '__main__', '__builtins__': __builtins__}


def shown(value):
    result = {'text': repr(value)[:text_max], 'is_main_result': True}
    for kind in ('html', 'markdown', 'svg', 'latex'):
        method = getattr(type(value), '_repr_' + kind + '_', None)
        text = method(value) if method else None
        if isinstance(text, str):
            result[kind] = text[:text_max]
    return result


def figures():
    pyplot = sys.modules.get('matplotlib.pyplot')
    if pyplot is None:
        return
    for number in pyplot.get_fignums()[:8]:
        picture = {'is_main_result': False, 'text': 'figure %d' % number}
        for kind in ('png', 'svg'):
            data = io.BytesIO()
            pyplot.figure(number).savefig(data, format=kind)
            picture[kind] = (base64.b64encode(data.getvalue()).decode() if kind == 'png'
                             else data.getvalue().decode())
        results.append(picture)


try:
    tree = ast.parse(code, 'cell')
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, 'cell', 'exec'), names)
    if last is not None:
        value = eval(compile(last, 'cell', 'eval'), names)
        if value is not None:
            results.append(shown(value))
    figures()
except SystemExit:
    pass
except BaseException as problem:
    lines = traceback.format_exception(type(problem), problem, problem.__traceback__)
    own = [line for line in lines if 'File "<string>"' not in line]
    error = {'name': type(problem).__name__, 'value': str(problem)[:text_max],
             'traceback': ''.join(own)[-text_max:]}
sys.stdout.flush()
sys.stderr.flush()
with open(path + '.part', 'w') as file:
    json.dump({'results': results, 'error': error}, file)
os.replace(path + '.part', path)
os._exit(1 if error else 0)
)python";

}  // namespace

const std::string& python_driver() {
  static const std::string source{program};
  return source;
}

}  // namespace flywheel
