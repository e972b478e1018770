//! From a configuration to tasks.

mod parameters;
mod support;
mod task_expansion;
