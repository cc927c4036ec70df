"""Walks the recipe of a new actor on a small tree, and runs the checks over what it wrote."""
import support
import check_layers
import check_requests
import check_text
import new_actor

MESSAGES = """// All messages.
#pragma once

#include <caf/type_id.hpp>

#include "actors/messages/ledger.hpp"
#include "actors/messages/weights.hpp"

CAF_BEGIN_TYPE_ID_BLOCK(flywheel, caf::first_custom_type_id)
  CAF_ADD_TYPE_ID(flywheel, (flywheel::LeaseBatch))
CAF_END_TYPE_ID_BLOCK(flywheel)
"""


class NewActor(support.PlantedTree):
    def setUp(self):
        super().setUp()
        self.write("actors/messages/messages.hpp", MESSAGES)
        self.write("README.md", "| actor | file | if it dies |\n|---|---|---|\n| `A` | x | y |\n\nz\n")
        self.write("CHANGELOG.md", "# Changelog\n\n## Unreleased\n\n- `B`: c.\n")

    def test_the_stubs_keep_every_rule(self):
        new_actor.write_stubs(self.root, "replay_buffer")
        self.assertEqual(check_layers.check(self.root), [])
        self.assertEqual(check_requests.check(self.root), [])
        failures = [f for f in check_text.check(self.root) if "dead file" not in f]
        self.assertEqual(failures, [])

    def test_messages_get_their_ids_and_lists_their_lines(self):
        _, left = new_actor.write_stubs(self.root, "replay_buffer")
        text = (self.root / "actors/messages/messages.hpp").read_text()
        self.assertIn('ledger.hpp"\n#include "actors/messages/replay_buffer.hpp"\n#include', text)
        self.assertIn("LeaseBatch))\n  CAF_ADD_TYPE_ID(flywheel, (flywheel::AskReplayBuffer))\n",
                      text)
        self.assertIn("| `A` | x | y |\n| `ReplayBuffer` | `actors/replay_buffer.hpp` |",
                      (self.root / "README.md").read_text())
        self.assertIn("## Unreleased\n\n- `ReplayBuffer`: ",
                      (self.root / "CHANGELOG.md").read_text())
        self.assertEqual(len(left), 3)

    def test_an_actor_that_exists_is_not_overwritten(self):
        self.write("actors/replay_buffer.cpp", "int mine;\n")
        with self.assertRaises(SystemExit):
            new_actor.write_stubs(self.root, "replay_buffer")
        self.assertEqual((self.root / "actors/replay_buffer.cpp").read_text(), "int mine;\n")
        self.assertEqual((self.root / "actors/messages/messages.hpp").read_text(), MESSAGES)
