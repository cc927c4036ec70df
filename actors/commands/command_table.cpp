#include "actors/commands/command.hpp"

namespace flywheel {

Command add_plan(CLI::App&, const GlobalOptions&);
Command add_run(CLI::App&, const GlobalOptions&);
Command add_runs(CLI::App&, const GlobalOptions&);
Command add_status(CLI::App&, const GlobalOptions&);
Command add_waits(CLI::App&, const GlobalOptions&);
Command add_report(CLI::App&, const GlobalOptions&);
Command add_eval(CLI::App&, const GlobalOptions&);
Command add_try(CLI::App&, const GlobalOptions&);
Command add_data(CLI::App&, const GlobalOptions&);
Command add_explain(CLI::App&, const GlobalOptions&);
Command add_caas(CLI::App&, const GlobalOptions&);
Command add_bench(CLI::App&, const GlobalOptions&);
Command add_synth(CLI::App&, const GlobalOptions&);
Command add_doctor(CLI::App&, const GlobalOptions&);
Command add_fsck(CLI::App&, const GlobalOptions&);

std::vector<AddCommand> command_table() {
  return {add_plan, add_run,     add_runs, add_status, add_waits, add_report, add_eval, add_try,
          add_data, add_explain, add_caas, add_bench,  add_synth, add_doctor, add_fsck};
}

CLI::App* add_subcommand(CLI::App& program, const std::string& name, const std::string& purpose,
                         const std::string& example) {
  CLI::App* app = program.add_subcommand(name, purpose);
  app->footer("Example:\n  " + example);
  return app;
}

}  // namespace flywheel
