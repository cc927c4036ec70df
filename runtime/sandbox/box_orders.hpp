// What a supervisor of the zygote's takes as the signal of exec_signal, beside signals: all that it
// may signal stops, or goes on; it answers with exec_started. Where Landlock keeps signals inside
// the domain of each, the init does not reach them. Internal to runtime/sandbox.
#pragma once

namespace flywheel {

constexpr int box_stop_all = 1000;
constexpr int box_continue_all = 1001;

}  // namespace flywheel
