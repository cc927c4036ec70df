// flywheel doctor: what this machine is fit for.
#include "actors/commands/command.hpp"
#include "actors/commands/doctor.hpp"
#include "actors/commands/print.hpp"

namespace flywheel {
namespace {

Result<int> execute(const GlobalOptions& options) {
  DoctorOptions doctor;
  doctor.workspace = options.home;
  const auto report = examine_machine(doctor);
  print(options.json ? doctor_json(report).dump(2) + "\n" : doctor_text(report));
  return report.is_fit() ? exit_done : exit_failed;
}

}  // namespace

Command add_doctor(CLI::App& program, const GlobalOptions& options) {
  CLI::App* app = add_subcommand(
      program, "doctor", "Examine this machine: what was found, what follows from it, what to do.",
      "flywheel doctor");
  return {app, [&options] { return execute(options); }};
}

}  // namespace flywheel
