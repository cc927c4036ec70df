// The JSON (stored as CBOR) of what a rollout is made of: tasks, turns, transcripts, verdicts.
// Readers throw FormatError or nlohmann's exceptions; decode() catches them.
#pragma once

#include "runtime/base/json.hpp"
#include "runtime/base/task.hpp"
#include "runtime/base/transcript.hpp"
#include "runtime/base/verdict.hpp"

namespace flywheel {

Json task_to_json(const Task& task);
Task task_from_json(const Json& json);

Json turn_to_json(const Turn& turn);
Turn turn_from_json(const Json& json);

// With `has_turns` false the turns are left out: they have records of their own.
Json transcript_to_json(const Transcript& transcript, bool has_turns = true);
Transcript transcript_from_json(const Json& json);

Json verdict_to_json(const Verdict& verdict);
Verdict verdict_from_json(const Json& json);

}  // namespace flywheel
