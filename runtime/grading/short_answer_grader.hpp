// Judges short_answers: one word and nothing else. Whether it is the right word is the guard, so
// that a model that learns the form can't pay for it with what it knows.
#pragma once

#include "runtime/grading/grader.hpp"

namespace flywheel {

const Grader& short_answer_grader();

}  // namespace flywheel
