// Every message that crosses a mailbox, and its wire identity.
//
// A message is a plain struct named after what it asks for or announces; it has named fields, no
// behaviour, and owns its data. Adding one: the struct and inspect() in its conversation's header,
// and a line below; tests/unit/actors/messages_test.cpp then covers it. Peers recognise a message
// by its type name, and ids are appended, never reordered (docs/adr/0002);
// the place of one that goes is taken by a RetiredMessage.
#pragma once

#include <caf/type_id.hpp>

#include "actors/messages/ledger.hpp"
#include "actors/messages/rollout.hpp"
#include "actors/messages/run.hpp"
#include "actors/messages/snapshot.hpp"
#include "actors/messages/tools.hpp"
#include "actors/messages/weights.hpp"

namespace flywheel {

// Holds the place of a message that is no more: the ids after it stay what they were.
template <int Number>
struct RetiredMessage {};

template <class Inspector, int Number>
typename Inspector::result_type inspect(Inspector& f, RetiredMessage<Number>&) {
  return f(caf::meta::type_name("RetiredMessage"));
}

}  // namespace flywheel

CAF_BEGIN_TYPE_ID_BLOCK(flywheel, caf::first_custom_type_id)
  CAF_ADD_TYPE_ID(flywheel, (flywheel::NextTasks))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::TaskBatch))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::Generate))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::Generated))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::GradeTranscript))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::Verdict))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::ConversationEnded))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::WeightsInstalled))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::WeightsPublished))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::WriteCheckpoint))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::CheckpointWritten))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::LearnStep))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::SaveSnapshot))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::SnapshotSaved))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::LoadSnapshot))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::Stored))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::PlanRollouts))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::StartRollouts))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::RetiredMessage<1>))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::FinishRollout))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::GradeRollout))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::DiscardRollouts))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::CommitStep))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::LeaseBatch))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::BatchLeased))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::ReadRollouts))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::RolloutBatch))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::RetiredMessage<2>))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::StartRun))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::StopRun))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::Evaluated))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::NextTurn))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::PartDied))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::RunTools))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::ToolsRan))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::ToolJobEnded))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::EndToolSession))
  CAF_ADD_TYPE_ID(flywheel, (flywheel::JudgementEnded))
CAF_END_TYPE_ID_BLOCK(flywheel)
