#include "runtime/tools/file_driver.hpp"

namespace flywheel {
namespace {

constexpr const char* program = R"python(
import csv, io, os, subprocess, sys

action, path, line = sys.argv[1], sys.argv[2], int(sys.argv[3])
bytes_max, rows_max = 32 << 20, 200000


def refuse(why):
    print(path + ': ' + why)
    sys.exit(1)


def pdf_text():
    try:
        done = subprocess.run(['pdftotext', '-layout', path, '-'], capture_output=True)
    except FileNotFoundError:
        refuse('this is a PDF, and the image has no pdftotext (Debian: poppler-utils)')
    if done.returncode != 0:
        refuse('pdftotext can not read it: ' + done.stderr.decode(errors='replace')[:200])
    return done.stdout.decode(errors='replace')


def text():
    if not os.path.isfile(path):
        refuse('there is no such file')
    if os.path.getsize(path) > bytes_max:
        refuse('it has more than %d bytes' % bytes_max)
    data = open(path, 'rb').read()
    if data.startswith(b'%PDF-'):
        return pdf_text()
    if b'\0' in data[:4096]:
        refuse('it is no text: %d bytes of binary data' % len(data))
    return data.decode('utf-8-sig', errors='replace')


def number(cell):
    try:
        return float(cell)
    except ValueError:
        return None


def column(name, cells):
    filled = [cell for cell in cells if cell.strip()]
    numbers = [number(cell) for cell in filled]
    if filled and None not in numbers:
        return '%s: number, %d values, least %g, most %g, mean %.6g, sum %.12g' % (
            name, len(numbers), min(numbers), max(numbers), sum(numbers) / len(numbers),
            sum(numbers))
    kinds = sorted(set(filled))
    return '%s: text, %d values, %d different: %s' % (name, len(filled), len(kinds),
                                                      ', '.join(kinds[:5]))


def table(words):
    try:
        dialect = csv.Sniffer().sniff(words[:8192], delimiters=',;\t|')
    except csv.Error:
        dialect = csv.excel
    rows = []
    for row in csv.reader(io.StringIO(words), dialect):
        if len(rows) > rows_max:
            refuse('it has more than %d rows' % rows_max)
        if row:
            rows.append(row)
    return rows


def describe(words):
    lines = words.count('\n') + (0 if words.endswith('\n') or not words else 1)
    if path.lower().endswith(('.csv', '.tsv')):
        rows = table(words)
        if rows:
            print('%s: table, %d columns, %d rows below the head' % (path, len(rows[0]),
                                                                     len(rows) - 1))
            for at, name in enumerate(rows[0]):
                print(column(name, [row[at] for row in rows[1:] if at < len(row)]))
            return
    print('%s: text, %d lines, %d words, %d characters' % (path, lines, len(words.split()),
                                                          len(words)))
    print(words[:600])


def read(words):
    lines = words.splitlines()
    if line > max(1, len(lines)):
        refuse('it has %d lines' % len(lines))
    print('\n'.join('%d: %s' % (at + 1, lines[at])
                    for at in range(line - 1, min(len(lines), line + 199))))


if action == 'list':
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files)[:200]:
            full = os.path.join(folder, name)
            print(os.path.relpath(full, path), os.lstat(full).st_size, 'bytes')
else:
    {'describe': describe, 'read': read}[action](text())
)python";

}  // namespace

const std::string& file_driver() {
  static const std::string source{program};
  return source;
}

}  // namespace flywheel
