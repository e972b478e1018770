//! The command line: commands, flags and help texts.

mod command;
mod commands;
mod globals;
mod help;
mod sandbox;
mod selection;
mod warehouse;

pub(super) use command::{Arguments, Command};
pub(super) use commands::{
    CatalogArgs, CheckArgs, CompactArgs, DemoArgs, EstimateArgs, ForgetArgs, InitArgs, RebuildArgs,
    RunArgs, UsageArgs, VerifyArgs,
};
pub(super) use globals::{Color, Globals, LogFormat};
pub(super) use sandbox::SandboxArgs;
pub(super) use warehouse::{LoadArgs, SchemaArgs, SchemaFormat};
