// The Python part of the zygote: loads modules, waits, and in each forked process runs one program.
#pragma once

namespace flywheel {

// python3 -I -c SCRIPT LIBRARY MODULE...
inline constexpr const char* zygote_script = R"(
import atexit, ctypes, gc, importlib, io, os, sys, threading, traceback, types
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except ImportError:
        pass

def run(argv):
    module = types.ModuleType('__main__')
    sys.modules['__main__'] = module
    if argv[1] == '-c':
        sys.argv = ['-c', *argv[3:]]
        sys.path.insert(0, '')
        source, name = argv[2], '<string>'
    else:
        sys.argv = argv[1:]
        sys.path.insert(0, os.path.dirname(argv[1]))
        name = module.__file__ = argv[1]
        try:
            with open(name, 'rb') as file:
                source = file.read()
        except OSError as error:
            print(f"python3: can't open file {name!r}: [Errno {error.errno}] {error.strerror}",
                  file=sys.stderr)
            sys.exit(2)
    module.__builtins__ = __builtins__
    try:
        exec(compile(source, name, 'exec'), module.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        trace = error.__traceback__.tb_next
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        sys.exit(1)

def open_streams():
    # The zygote's were made for other files than the descriptors now lead to.
    unbuffered = bool(os.environ.get('PYTHONUNBUFFERED'))
    for number, name in enumerate(('stdin', 'stdout', 'stderr')):
        old, mode = getattr(sys, name), 'w' if number else 'r'
        plain = unbuffered and number > 0
        binary = open(number, mode + 'b', buffering=0 if plain else -1, closefd=False)
        (binary if plain else binary.raw).name = f'<{name}>'
        stream = io.TextIOWrapper(binary, old.encoding, old.errors, newline='\n',
                                  line_buffering=number == 2, write_through=plain)
        stream.mode = mode
        setattr(sys, name, stream)
        setattr(sys, f'__{name}__', stream)

def end_with(code):
    # What an interpreter does at its end that others can see; taking down what the zygote loaded
    # would only copy its memory.
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if not getattr(stream, 'closed', stream is None):
                stream.flush()
        except Exception:
            code = code or 120
    os._exit((code or 0) & 0xff)

library = ctypes.PyDLL(sys.argv[1])
library.flywheel_zygote_text.restype = ctypes.c_char_p
gc.freeze()
if library.flywheel_zygote_serve(3):
    ctypes.pythonapi.PyOS_AfterFork_Child()
    texts = [[os.fsdecode(library.flywheel_zygote_text(kind, index))
              for index in range(library.flywheel_zygote_count(kind))] for kind in (0, 1)]
    os.environ.clear()
    os.environ.update(entry.split('=', 1) for entry in texts[1])
    open_streams()
    code = 0
    try:
        run(texts[0])
    except SystemExit as end:
        code = end.code
    end_with(code)
)";

}  // namespace flywheel
