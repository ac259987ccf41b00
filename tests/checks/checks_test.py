#!/usr/bin/env python3
"""A check that cannot fail checks nothing: each is shown a tree with mistakes and must name every one, and nothing else.

usage: checks_test.py
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECKS = pathlib.Path(__file__).resolve().parent.parent.parent / "scripts" / "checks"


class Checks(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, path: str, text: str):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def found(self, check: str, *options: str) -> list[str]:
        """The `file:line` of each finding."""
        run = subprocess.run([sys.executable, str(CHECKS / f"{check}.py"), *options, str(self.root)], capture_output=True, text=True)
        self.assertEqual(run.stderr, "")
        lines = [line for line in run.stdout.splitlines() if ": warning: " not in line][:-1]
        self.assertEqual(run.returncode, 1 if lines else 0, run.stdout)
        return [":".join(line.split(":")[:2]) for line in lines]

    def test_dependency_direction_names_what_points_upwards_sideways_or_into_details(self):
        self.write("mamey/core/a.hpp", "#include <vector>\n#include <mamey/runtime/b.hpp>\n")
        self.write("mamey/runtime/b.hpp", "#include <mamey/core/a.hpp>\n// #include <mamey/web/x.hpp>\n#include <mamey/core/detail/a.hpp>\n#include <mamey/runtime/detail/b.hpp>\n")
        self.write("mamey/messaging/c.hpp", "#include <mamey/domain/d.hpp>\n#include <mamey/cqrs/e.hpp>\n#include <mamey/messaging/rabbitmq/r.hpp>\n")
        self.write("mamey/cqrs/e.hpp", "#include <mamey/messaging/c.hpp>\n#include <mamey/web/w.hpp>\n")
        self.write("mamey/persistence/sqlite/f.cpp", '#include <mamey/messaging/c.hpp>\n#include <mamey/persistence/postgres/p.hpp>\n#include "f.hpp"\n')
        self.write("mamey/messaging/rabbitmq/r.cpp", "#include <mamey/messaging/c.hpp>\n#include <mamey/messaging/kafka/k.hpp>\n")
        self.write("mamey/host/h.cpp", "#include <mamey/persistence/sqlite/f.hpp>\n#include <mamey/testing/t.hpp>\n")
        self.write("mamey/application.hpp", "#include <mamey/host/h.hpp>\n")
        self.write("mamey/testing/t.cpp", "#include <mamey/application.hpp>\n")
        self.write("mamey/runtime/u.cpp", "#include <mamey/application.hpp>\n")
        self.write("mamey/novelty/n.cpp", "#include <mamey/core/a.hpp>\n")
        self.write("samples/s.cpp", "#include <mamey/application.hpp>\n#include <mamey/core/detail/a.hpp>\n")
        self.write("tests/t.cpp", "#include <mamey/core/detail/a.hpp>\n")
        self.assertEqual(self.found("dependency_direction"), [
            "mamey/core/a.hpp:2", "mamey/cqrs/e.hpp:2", "mamey/host/h.cpp:2", "mamey/messaging/c.hpp:2", "mamey/messaging/c.hpp:3", "mamey/messaging/rabbitmq/r.cpp:2",
            "mamey/novelty/n.cpp:1", "mamey/persistence/sqlite/f.cpp:2", "mamey/persistence/sqlite/f.cpp:3", "mamey/runtime/b.hpp:3", "mamey/runtime/u.cpp:1", "samples/s.cpp:2"])

    def test_public_headers_say_for_whom_they_are(self):
        self.write("mamey/core/a.hpp", "#pragma once\n\n/// @file\n/// For services.\n/// Decimal numbers.\n")
        self.write("mamey/core/b.hpp", "#pragma once\n\n/// @file\n/// For features and the framework: what runs in the background.\n")
        self.write("mamey/core/c.hpp", "#pragma once\n\n/// @file\n/// Decimal numbers.\n")
        self.write("mamey/core/d.hpp", "#pragma once\n")
        self.write("mamey/core/e.hpp", "#pragma once\n\n/// @file\n/// For services\n")
        self.write("mamey/core/detail/f.hpp", "#pragma once\n")
        self.write("tests/g.hpp", "#pragma once\n")
        self.assertEqual(self.found("headers"), ["mamey/core/c.hpp:1", "mamey/core/d.hpp:1", "mamey/core/e.hpp:1"])

    def test_functions_that_nothing_calls_are_found(self):
        self.write("mamey/core/a.hpp", "int used(int);\nint unused(int);\nvoid only_declared();\ninline int with_body() { return 1; }\nint in_own_source();\n"
                                       "inline int body_used() { return 2; }\n// int commented();\nbool b = requires { T::misspelt(); };\n")
        self.write("mamey/core/a.cpp", "int used(int x) { return x; }\nint unused(int x) { return x + body_used(); }\nint in_own_source() { return 3; }\nint c = in_own_source();\n")
        self.write("tests/t.cpp", "int d = used(1);\n// unused(1) with_body()\n")
        self.assertEqual(self.found("unused"), ["mamey/core/a.hpp:2", "mamey/core/a.hpp:3", "mamey/core/a.hpp:4"])

    def test_banned_calls_are_found_in_code_and_not_in_comments_or_literals(self):
        self.write("mamey/core/a.cpp", "#include <regex>\nstd::regex x;\n// std::regex is banned\nauto text = \"std::regex\";\nauto raw = R\"(std::regex)\";\n"
                                       "void f() { std::this_thread::sleep_for(1s); }\nvoid g() { usleep(1); mamey::sleep_for(1s); fiber.sleep(1); sleep(span); }\nnamespace mamey {\n}\n"
                                       "namespace mamey::inline v1 {}\nthread.detach();\nvoid h() { sleep(1); }\nvoid i() { ::sleep(n); }\n")
        self.write("mamey/core/a.hpp", "#define X 1\n#pragma once\nusing namespace std;\n")
        self.write("mamey/core/detail/a.hpp", "#define X 1\n#pragma once\n")
        self.write("mamey/core/b.hpp", "int x;\n")
        self.assertEqual(self.found("banned_calls"), [f"mamey/core/{place}" for place in [
            "a.cpp:1", "a.cpp:2", "a.cpp:6", "a.cpp:7", "a.cpp:8", "a.cpp:11", "a.cpp:12", "a.cpp:13", "a.hpp:1", "a.hpp:3", "b.hpp:1"]])

    def test_a_catch_all_must_log_rethrow_or_hand_on(self):
        self.write("mamey/core/a.cpp", "void f() {\n  try { } catch (...) { }\n  try { } catch (...) { { } count++; }\n  try { } catch (...) { log.error(\"x\"); }\n"
                                       "  try { } catch (...) { if (x) { throw; } }\n  try { } catch (...) { e = std::current_exception(); }\n"
                                       "  try { } catch (...) { // not banned: it is counted as dropped\n  }\n  // not banned: because\n  try { } catch (...) { }\n}\n")
        self.assertEqual(self.found("banned_calls"), [f"mamey/core/a.cpp:{line}" for line in (2, 3, 10)])

    def test_what_follows_the_locale_of_the_process_is_found(self):
        self.write("mamey/a.cpp", "#include <cctype>\ndouble a = std::strtod(text, nullptr);\nbool b = std::isalpha(c);\nstd::istringstream d(text);\nint e = std::stoi(text);\n// strtod(x)\nauto f = is_ascii_digit(c);\n")
        self.write("tests/a.cpp", "double a = std::stod(text);\n")
        self.assertEqual(self.found("banned_calls"), [f"mamey/a.cpp:{line}" for line in (1, 2, 3, 4)])

    def test_black_box_tests_sleep_only_in_a_polling_helper(self):
        self.write("tests/a.py", "import time\ntime.sleep(1)\ndef wait_for(condition, deadline):\n    while time.time() < deadline: time.sleep(0.01)\ndef wait():\n    time.sleep(1)\n")
        self.write("tests/a.cpp", "void f() { std::this_thread::sleep_until(t); }\n")
        self.write("tests/a.sh", "#!/bin/sh\nsleep 1\n# sleep 1\n")
        self.write("scripts/b.py", "import time\ntime.sleep(1)\n")
        self.assertEqual(self.found("banned_calls"), ["tests/a.cpp:1", "tests/a.py:2", "tests/a.py:6", "tests/a.sh:2"])

    def test_leftover_markers_and_invisible_characters_are_found_anywhere(self):
        self.write("docs/a.md", "TO" + "DO: write\nfine\nXX" + "X\n\ufeffbidi \u202e\ntab\tis fine\n")
        self.assertEqual(sorted(set(self.found("banned_calls"))), ["docs/a.md:1", "docs/a.md:3", "docs/a.md:4"])

    def test_a_public_header_compiles_alone_brings_nobody_elses_and_is_cheap(self):
        # Far above the budget.
        slow = ("#include <utility>\ntemplate <int N> struct one { int value = N; int get() const { return value + N; } };\n"
                "template <int N, int... I> int many(std::integer_sequence<int, I...>) { return (one<N * 100 + I>().get() + ...); }\n"
                "template <int... N> int all(std::integer_sequence<int, N...>) { return (many<N>(std::make_integer_sequence<int, 100>()) + ...); }\n"
                "inline int x = all(std::make_integer_sequence<int, 100>());\n")
        self.write("mamey/core/fine.hpp", "#include <vector>\n#include <mamey/core/detail/slow.hpp>\nstd::vector<int> x;\n")
        self.write("mamey/core/detail/slow.hpp", "// fast after all\n")
        self.write("mamey/core/alone.hpp", "std::vector<int> x;\n")
        self.write("mamey/core/outside.hpp", "#include <openssl/opensslv.h>\n")
        self.write("mamey/core/slow.hpp", slow)
        self.assertEqual(sorted(set(self.found("header_cost", "--root"))), [f"mamey/core/{name}.hpp:1" for name in ("alone", "outside", "slow")])
        self.write("mamey/core/detail/slow.hpp", slow)  # kept results go by content, includes included
        self.assertIn("mamey/core/fine.hpp:1", self.found("header_cost", "--root"))

    def test_every_folder_has_a_readme_with_something_in_it(self):
        self.write("mamey/core/a.hpp", "")
        self.write("mamey/core/detail/a.hpp", "")
        self.write("mamey/core/README.md", "word " * 50 + "[more](../../docs/core.md)")
        self.write("docs/core.md", "Core.")
        self.write("mamey/domain/a.hpp", "")
        self.write("mamey/domain/README.md", "word " * 50)
        self.write("mamey/web/a.hpp", "")
        self.write("mamey/web/README.md", "The web.")
        self.write("mamey/persistence/sqlite/a.hpp", "")
        self.assertEqual(self.found("readmes"), ["mamey/domain/README.md:1", "mamey/persistence/README.md:1", "mamey/persistence/sqlite/README.md:1", "mamey/web/README.md:1", "mamey/web/README.md:1"])

    def test_code_in_a_document_is_code_of_the_tree(self):
        self.write("tests/a.cpp", "// snippet one\nint one;\n// end one\nvoid f() {\n  // snippet two\n  int two;\n  // end two\n}\n")
        right = "<!-- snippet: tests/a.cpp#one -->\n```cpp\nint one;\n```\n<!-- snippet: tests/a.cpp#two -->\n```cpp\nint two;\n```\n```sh\nfree\n```\n"
        self.write("docs/right.md", right)
        self.write("docs/wrong.md", "```cpp\nint alone;\n```\n<!-- snippet: tests/a.cpp#one -->\n```cpp\nint other;\n```\n<!-- snippet: tests/a.cpp#none -->\n```cpp\n```\n")
        self.write("mamey/core/README.md", "```cpp\nint alone;\n```\n")
        self.write("tests/docs/samples_test.cpp", "  answer();\n  int asked = 1;\n")
        self.write("mamey/core/right.hpp", "/// For services:\n///\n///     int asked = 1;\n///     answer();\n")
        self.write("mamey/core/wrong.hpp", "///     answer();\n///     int asked = 2;\n")
        self.assertEqual(self.found("snippets"), ["docs/wrong.md:1", "docs/wrong.md:4", "docs/wrong.md:8", "mamey/core/README.md:1", "mamey/core/wrong.hpp:1"])

    def test_a_link_leads_somewhere(self):
        self.write("docs/a.md", "# A page: with `code`\n[b](b.md) [here](#a-page-with-code) [web](https://nowhere) `[x](no.md)`\n[gone](c.md)\n[no heading](b.md#none) [heading](b.md#second-part)\n")
        self.write("docs/b.md", "# B\n## Second part\n")
        self.assertEqual(self.found("links"), ["docs/a.md:3", "docs/a.md:4"])

    def test_pages_are_written_in_plain_english(self):
        words = "w " * 38
        self.write("docs/a.md", f"# What this page is for\n\n{words}end now.\nIt runs once per second.\n\n| {words}end now. | one per core |\n")
        self.write("docs/b.md", f"{words}\nand three more.\n\n- {words}\n- and three more.\n\n| a | {words}and three more. |\n\nA list: {words}end;\n{words}end.\n")
        self.write("docs/c.md", "One\na core, by\nitself.\nWhoever asks is told for good, now and then, as ever, without a word.\n\nIt is the\nreference's key.\n")
        self.write("docs/d.md", "It waits. Who waits is\nnot served. Who is served?\n\n* **What waits here** is not served.\n\n**What it is for.** It waits: what waits here waits.\n")
        self.write("docs/e.md", "`one a core` and [told](told.md)\n```cpp\n// told " + "x" * 120 + "\n```\n<!-- told -->\n| " + "x" * 120 + " |\n" + "y" * 121 + "\n")
        self.write("tests/README.md", "It is told.\n")
        self.write("CHANGELOG.md", "It is told.\n")
        self.assertEqual(self.found("plain_english"), ["docs/b.md:1", "docs/b.md:7"] + ["docs/c.md:1", "docs/c.md:2"] + ["docs/c.md:4"] * 6 + ["docs/c.md:6"]
                         + ["docs/d.md:1", "docs/d.md:4", "docs/d.md:6", "docs/e.md:1", "docs/e.md:7", "tests/README.md:1"])

    def test_comments_and_sentences_of_the_product_are_in_plain_english(self):
        self.write("mamey/novelty/a.cpp", "int told = 1;  // it is told\n/// One a\n/// core.\nauto text = \"it goes on by \"\n            \"itself\";\n/* for good */ // `for good`\n")
        self.write("mamey/novelty/a.hpp", "/// As the reference does.\nint forgood(int the_reference);\n")
        self.write("samples/a.cpp", "// told\n")
        self.write("tests/docs/a.cpp", "// told\n")
        self.write("tests/unit/a.cpp", "// told\n")
        self.assertEqual(self.found("plain_english"), [f"mamey/novelty/{place}" for place in ("a.cpp:1", "a.cpp:2", "a.cpp:4", "a.cpp:6", "a.hpp:1")]
                         + ["samples/a.cpp:1", "tests/docs/a.cpp:1"])

    def test_a_promise_names_a_test_that_exists(self):
        self.write("docs/guarantees.md", "| when … | then … | shown by |\n|---|---|---|\n| a | b | `s.one` `test_two` `three` |\n| a | b | `s.none` |\n| a | b | |\n")
        self.write("tests/a.cpp", 'TEST_F(s, one) {\n  {"three", nullptr},\n}\n')
        self.write("tests/b.py", "def test_two():\n    pass\n")
        self.assertEqual(self.found("guarantees"), ["docs/guarantees.md:4", "docs/guarantees.md:5"])

    def test_differences_from_dotnet_are_shown_as_the_tests_hold_to_them(self):
        entry = '{"file": "a.json", "case": "%s", "there": "%s", "here": "no", "reason": "%s", "planned": %s}'
        entries = [entry % each for each in (("one", "a|b", "harm", "false"), ("two", "c", "harm", "false"), ("three", "d", "time", "true"))]
        self.write("tests/vectors/http/a.json", "[]")
        self.write("tests/vectors/http/differences.json", "[" + ",\n".join(entries) + "]")
        self.write("tests/vectors/bus/a.json", "[]")
        self.write("tests/vectors/bus/differences.json", "[" + ",\n".join([entries[0], entries[0], entries[1].replace("a.json", "b.json"), '{"case": "four"}']) + "]")
        self.write("docs/migrating.md", "# Page\n<!-- differences: http -->\n<!-- end -->\n<!-- differences: later -->\n<!-- end -->\n")
        self.assertEqual(self.found("differences"), ["docs/migrating.md:2"] + [f"tests/vectors/bus/differences.json:{line}" for line in (1, 1, 3, 4)])
        self.write("tests/vectors/bus/differences.json", "[]")
        self.write("docs/migrating.md", "# Page\n<!-- differences: http -->\nold\n<!-- end -->\n<!-- differences: bus -->\n<!-- end -->\n")
        self.assertEqual(self.found("differences", "--write"), [])
        self.assertEqual((self.root / "docs/migrating.md").read_text(encoding="utf-8"),
                         "# Page\n<!-- differences: http -->\n| | there | here | why |\n|---|---|---|---|\n| `one`, `two` | a\\|b; c | no | harm |\n"
                         "| `three` | d | no | planned: time |\n<!-- end -->\n<!-- differences: bus -->\nNone.\n<!-- end -->\n")
        self.assertEqual(self.found("differences"), [])

    def test_the_configuration_reference_agrees_with_the_option_structs(self):
        self.write("mamey/host/options.hpp", "/// Section `app`. What it is.\nstruct app_options {\n  int size = 1;  ///< how many\n  std::string name;\n};\n")
        self.write("mamey/host/a.cpp", 'values.bind<app_options>("app");\nvalues.bind("other", other, report);\nvalues.bind<more_options>("app");\n')
        self.write("print.sh", "#!/bin/sh\nprintf 'app\\tsize\\tinteger\\t1\\tmamey::app_options\\tsize\\napp\\tname\\ttext\\t\"\"\\tmamey::app_options\\tname\\n'\n")
        (self.root / "print.sh").chmod(0o755)
        options = ("--program", str(self.root / "print.sh"))
        self.assertEqual(self.found("configuration_reference", *options), ["docs/configuration.md:1", "mamey/host/a.cpp:2", "mamey/host/a.cpp:3", "mamey/host/options.hpp:2"])
        self.write("mamey/host/options.hpp", "/// Section `app`. What it is.\nstruct app_options {\n  int size = 1;  ///< how many\n  std::string name;  ///< whose\n};\n")
        self.write("mamey/host/a.cpp", "")
        self.assertEqual(self.found("configuration_reference", *options, "--write"), [])
        self.assertIn("| `size` | integer | `1` | how many |", (self.root / "docs/configuration.md").read_text(encoding="utf-8"))
        self.assertEqual(self.found("configuration_reference", *options), [])


if __name__ == "__main__":
    unittest.main()
