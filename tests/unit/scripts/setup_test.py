"""What scripts/setup leaves behind when a step of it fails."""
import os
import shutil
import subprocess

import support

PIP = """#!/bin/sh
[ "$1" = --version ] && echo 'pip 25.3 from here' && exit
while [ "$1" != --target ]; do shift; done
mkdir -p "$2" && echo 1 >"$2/module.py"
"""


class Setup(support.PlantedTree):
    def setUp(self):
        super().setUp()
        self.write("scripts/packages.txt", "dpkg\n")
        self.write("scripts/wheels.txt", "module==1 00ff\n")
        shutil.copy(support.ROOT / "scripts/setup", self.root / "scripts/setup")
        self.write_program(".deps/venv/bin/pip", PIP)

    def write_program(self, name, text):
        self.write(name, text)
        (self.root / name).chmod(0o755)

    def run_setup(self):
        path = f"{self.root}/programs:{os.environ['PATH']}"
        return subprocess.run([self.root / "scripts/setup"], env={**os.environ, "PATH": path},
                              capture_output=True, text=True, check=False)

    def test_a_wheel_is_installed_once(self):
        self.assertEqual(self.run_setup().returncode, 0)
        self.assertTrue((self.root / ".deps/site/module.py").exists())
        again = self.run_setup()
        self.assertEqual((again.returncode, again.stdout), (0, ""))

    def test_what_could_not_be_copied_does_not_count_as_installed(self):
        self.write_program("programs/cp", "#!/bin/sh\nexit 1\n")
        self.assertNotEqual(self.run_setup().returncode, 0)
        self.assertEqual(list((self.root / ".deps/stamps").iterdir()), [])

    def test_a_file_system_without_hard_links_gets_copies(self):
        self.write_program("programs/cp", '#!/bin/sh\n[ "$2" = --link ] && exit 1\nexec /bin/cp "$@"\n')
        self.assertEqual(self.run_setup().returncode, 0)
        self.assertTrue((self.root / ".deps/site/module.py").exists())
