//! The catalog is data, so its tests are the compiler of that data: facts kept, and every addition of ours obeying its rules.

mod facts;
mod keys;
mod lookup;
mod pages;
mod presets;
mod texts;
