// Judges cited_answers: the answer has words of the asked page, cited. That a citation is
// byte-exact was checked before it came into the transcript; what was not is no citation there.
#pragma once

#include "runtime/grading/grader.hpp"

namespace flywheel {

const Grader& cited_answer_grader();

}  // namespace flywheel
