"""Plants each kind of unbounded or private wait, and floats on their way into CAF."""
import support
import check_requests

MESSAGE = """struct Scored {
  int step = 0;
  double reward = 0.0, spread = 1.0;
  std::vector<float> values{};
  std::map<std::string, double> metrics{};
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Scored& x) {
  auto reward = as_bits(x.reward);
  auto values = as_raw(x.values);
  %s
}
"""


class CheckRequests(support.PlantedTree):
    def check(self):
        return check_requests.check(self.root)

    def test_the_helper_may_request_and_nobody_else(self):
        code = "self->request(target, 1s, x).then(a, b);\n"
        self.write("runtime/system/request.hpp", code)
        self.write("runtime/net/client.cpp", "client.request(x);\n")
        self.assertEqual(self.check(), [])
        self.write("actors/a.cpp", "int a;\n" + code)
        self.assert_one(self.check(), "actors/a.cpp:2:", "requests", "ask()")

    def test_every_form_of_a_request_is_seen(self):
        for code in ("self.request(x)", "self->request<high>(x)", "self\n  ->request (x)",
                     "self->template request<a>(x)"):
            with self.subTest(code):
                self.write("actors/a.cpp", code + ";\n")
                self.assert_one(self.check(), "requests")

    def test_waits_without_end_are_seen(self):
        for code in ("ask(self, caf::infinite)", "using caf::infinite", "self->receive(f)",
                     "self.receive_while(f)", "condition_.wait(lock)", "future.get()"):
            with self.subTest(code):
                self.write("actors/a.cpp", code + ";\n")
                self.assertEqual(len(self.check()), 1, self.check())

    def test_a_wait_for_a_lock_is_seen_whatever_the_condition_is_called(self):
        for folder in ("actors", "runtime/net", "storage"):
            for code in ("has_ended_.wait(lock)", "news.wait (\n lock, [] { return true; })",
                         "a->b.wait(write_lock)"):
                with self.subTest(folder + ": " + code):
                    self.write(f"{folder}/a.cpp", "int a;\n" + code + ";\n")
                    self.assert_one(self.check(), f"{folder}/a.cpp:2:", "deadlines", "wait_for")
            self.write(f"{folder}/a.cpp", "has_ended_.wait_for(lock, 1s); exec->wait();\n")
            self.assertEqual(self.check(), [])

    def test_a_wait_that_another_thread_ends_is_named_in_the_script(self):
        for name in check_requests.ENDED_BY_OTHERS:
            self.write(name, "has_ended_.wait(lock);\n")
        self.assertEqual(self.check(), [])

    def test_waits_with_an_end_and_mere_words_pass(self):
        self.write("actors/a.cpp", "// self->request(x), caf::infinite\n"
                   'log("infinite");\ncondition_.wait_for(lock, 1s);\nask(self, waits, x);\n'
                   "const TakeBatch& request; handle(request);\n")
        self.assertEqual(self.check(), [])

    def test_shutting_down_may_block_with_a_deadline(self):
        code = "self->receive([&](int) {}, %s);\n"
        self.write("runtime/system/a.cpp", code % "caf::after(1s) >> [&] {}")
        self.assertEqual(self.check(), [])
        self.write("actors/a.cpp", code % "caf::after(1s) >> [&] {}")
        self.write("runtime/system/b.cpp", code % "[&](char) {}")
        self.assertEqual(len(self.check()), 2)

    def test_wrapped_numbers_pass(self):
        self.write("actors/m.hpp", MESSAGE % "return f(type_name(1), x.step, reward, values);")
        self.assertEqual(self.check(), [])

    def test_a_raw_number_in_an_inspect_is_found_whatever_its_type(self):
        for field in ("reward", "spread", "values", "metrics"):
            with self.subTest(field):
                self.write("actors/m.hpp", MESSAGE % f"return f(x.step, x.{field});")
                self.assert_one(self.check(), "actors/m.hpp:11:", "raw numbers", f"x.{field}")

    def test_a_struct_of_another_file_is_known_too(self):
        self.write("runtime/base/v.hpp", "struct Part {\n  double value = 0.0;\n};\n")
        self.write("actors/m.hpp", "template <class I>\n"
                   "auto inspect(I& f, flywheel::Part& p) {\n  return f(p.value);\n}\n")
        self.assert_one(self.check(), "actors/m.hpp:3:", "p.value")

    def test_a_local_copy_is_no_way_around(self):
        self.write("actors/m.hpp", MESSAGE % "double copy = x.reward;\n  return f(x.step, copy);")
        self.assert_one(self.check(), "copy")

    def test_a_bare_number_in_a_protocol_is_found(self):
        self.write("actors/a.hpp", "using A = typed_actor<replies_to<Ask>::with<double>>;\n")
        self.assert_one(self.check(), "actors/a.hpp:1:", "message structs")
