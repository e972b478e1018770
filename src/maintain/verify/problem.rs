//! What a verification read, and the problems that it found.

/// What was read, and what is wrong.
#[derive(Debug, Default)]
pub struct Verified {
    /// Partitions read.
    pub partitions: u64,
    /// Files read.
    pub files: u64,
    /// Rows read.
    pub rows: u64,
    /// What is wrong; empty if nothing is.
    pub problems: Vec<Problem>,
}

impl Verified {
    /// Adds a problem.
    pub fn push(&mut self, path: String, description: String, remedy: String) {
        self.problems.push(Problem {
            path,
            description,
            remedy,
        });
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Table, partition and file, as far as they are meant: a path from the destination's root.
    pub path: String,
    /// What is wrong.
    pub description: String,
    /// What helps: a command, or what to do by hand.
    pub remedy: String,
}
