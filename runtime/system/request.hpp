// ask() is the one way an actor asks another: the wait has an owner, a deadline and a name, is listed
// while it lasts, and its failure says all of that. scripts/check_requests.py forbids other requests.
#pragma once

#include <utility>

#include <caf/error.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

#include "runtime/base/failure.hpp"
#include "runtime/system/caf_failure.hpp"
#include "runtime/system/waits.hpp"

namespace flywheel {

// Sends `message` to `target` and later calls exactly one of on_answer(Answer&) and
// on_error(const Error&), in the actor `self`. `Answer` is what the target's protocol promises.
template <class Answer, class Self, class Target, class Message, class OnAnswer, class OnError>
void ask(Self* self, WaitRegistry& waits, const Target& target, WaitFor wait_for, Message message,
         OnAnswer on_answer, OnError on_error) {
  const auto deadline = wait_for.deadline;
  const auto id = waits.begin(std::string{self->name()} + "#" + std::to_string(self->id()), std::move(wait_for));
  self->request(target, deadline, std::move(message))
      .then(
          [&waits, id, on_answer = std::move(on_answer)](Answer& answer) mutable {
            waits.end(id);
            on_answer(answer);
          },
          [&waits, id, on_error = std::move(on_error)](caf::error& error) mutable {
            if (is_failure(error)) {  // the peer refused and said why
              waits.end(id);
              on_error(to_error(error));
            } else {
              on_error(waits.expire(id, describe(error)));
            }
          });
}

}  // namespace flywheel
