//! Help texts that are longer than a line.

/// The overview of all commands.
pub(super) const OVERVIEW: &str = "\
{about-with-newline}
{usage-heading} backhaul [OPTIONS] COMMAND

Start:
  demo         export from a built-in API sandbox: no key, no network
  init         write a commented starter configuration
  check        validate the configuration, the key and the destination; free

Every night:
  run          fetch what is due, commit it, print a summary with the cost
  estimate     rows, requests, units and minutes of the next run; free

Inspect:
  history      past runs *
  usage        units of the account, and the units spent by this destination; free
  catalog      endpoints, or one endpoint's parameters, columns and prices
  schema       the schema of a report or endpoint, or its DDL for a warehouse
  load         SQL that loads the committed tables into a warehouse

Maintain:
  verify       check committed files against the manifest
  rebuild      write partitions again from saved responses, for 0 units
  compact      merge small files
  forget       remove a target's rows and saved responses

Serve:
  sandbox      a local API sandbox, for trials and tests
  gateway      one place that holds a team's key *

Other:
  completions  shell completions
  help         this text, or the help of a command

* not implemented yet

Options:
{options}
Examples:
  backhaul demo
  backhaul init --target acme.com && backhaul check --offline && backhaul run
  backhaul catalog site-explorer/all-backlinks
";

/// What the exit status of `run` means.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0 done                       3 partly done, the rest is committed
  1 failed                     4 stopped by a budget
  2 invalid configuration,     5 every due task is claimed by another process
    or no budget covers it     130 interrupted: run again to continue";
