// ask() is the one way an actor asks another: the wait has an owner, a deadline and a name, is
// listed while it lasts, and its failure says all of that. scripts/check_requests.py forbids other
// requests.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/error.hpp>
#include <caf/message.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/sec.hpp>

#include "runtime/base/failure.hpp"
#include "runtime/base/result.hpp"
#include "runtime/system/caf_failure.hpp"
#include "runtime/system/waits.hpp"

namespace flywheel {

// One wait in the registry, shared by both continuations of a request. An asker that ends with its
// request unanswered drops them, and the wait ends with them.
class OpenWait {
 public:
  OpenWait(WaitRegistry& waits, std::string owner, WaitFor wait_for)
      : waits_(waits), id_(waits.begin(std::move(owner), std::move(wait_for))) {}
  ~OpenWait() { waits_.end(id_); }
  OpenWait(const OpenWait&) = delete;
  OpenWait& operator=(const OpenWait&) = delete;

  void end() { waits_.end(id_); }
  Error expire(const std::string& reason) { return waits_.expire(id_, reason); }

 private:
  WaitRegistry& waits_;
  std::uint64_t id_;
};

// Sends `message` to `target` and later calls exactly one of on_answer(Answer&) and
// on_error(const Error&), in the actor `self`, or neither where that ends before; `waits` outlives
// it. `Answer` is what the target's protocol promises.
template <class Answer, class Self, class Target, class Message, class OnAnswer, class OnError>
void ask(Self* self, WaitRegistry& waits, const Target& target, WaitFor wait_for, Message message,
         OnAnswer on_answer, OnError on_error) {
  const auto deadline = wait_for.deadline;
  const auto wait = std::make_shared<OpenWait>(
      waits, std::string{self->name()} + "#" + std::to_string(self->id()), std::move(wait_for));
  self->request(target, deadline, std::move(message))
      .then(
          [wait, on_answer = std::move(on_answer)](Answer& answer) mutable {
            wait->end();
            on_answer(answer);
          },
          [wait, on_error = std::move(on_error)](caf::error& error) mutable {
            if (is_failure(error)) {  // the peer refused and said why
              wait->end();
              on_error(to_error(error));
            } else {
              on_error(wait->expire(describe(error)));
            }
          });
}

// The same from outside of actors: blocks the calling thread until the answer or the deadline.
template <class Answer, class Target, class Message>
Result<Answer> ask_and_wait(caf::actor_system& system, WaitRegistry& waits, const Target& target,
                            WaitFor wait_for, Message message) {
  caf::scoped_actor self{system, true};
  const auto deadline = wait_for.deadline;
  const auto id = waits.begin("main thread", std::move(wait_for));
  Result<Answer> result = fail(Failure::internal, "no answer");
  self->request(target, deadline, std::move(message))
      .receive(
          [&](Answer& answer) {
            waits.end(id);
            result = std::move(answer);
          },
          [&](caf::error& error) {
            if (is_failure(error)) {
              waits.end(id);
              result = fail(to_error(error));
            } else {
              result = fail(waits.expire(id, describe(error)));
            }
          });
  return result;
}

}  // namespace flywheel
