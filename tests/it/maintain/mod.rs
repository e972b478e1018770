//! Commands that check, repair and shrink a destination.

mod compact;
mod forget;
mod rebuild;
mod support;
mod verify;
