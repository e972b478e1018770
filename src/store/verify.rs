//! Committed files against the manifest, and what lies beside them: what can be said without reading rows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::commit::file_names;
use super::listing::names;
use super::{SYSTEM_FOLDER, Store, UNPARTITIONED, cannot};
use crate::error::Result;
use crate::model::hex;
use crate::table::manifest::{FileEntry, PartitionState};

/// Folder of `_backhaul/` in which files of live runs may have their final names for a moment.
const STAGING: &str = "staging";

/// One thing that is wrong with a committed partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The table.
    pub report: String,
    /// The partition's folder.
    pub partition: String,
    /// The file, if one is meant.
    pub file: Option<String>,
    /// What is wrong with it.
    pub problem: String,
    /// Nobody committed it.
    pub is_foreign: bool,
}

/// Committed files by their size, so that copies of them can be told.
#[derive(Debug, Default)]
pub struct KnownFiles(BTreeMap<u64, Vec<(String, String)>>);

impl KnownFiles {
    /// Adds the files of a partition.
    pub fn add(&mut self, state: &PartitionState) {
        for file in state.committed.iter().flat_map(|committed| &committed.files) {
            let place = match state.partition.as_str() {
                UNPARTITIONED => format!("{}/{}", state.report, file.name),
                partition => format!("{}/{partition}/{}", state.report, file.name),
            };
            self.0.entry(file.bytes).or_default().push((file.sha256.clone(), place));
        }
    }

    /// What to say of a file that nobody committed.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`] if it cannot be read.
    pub fn describe_foreign(&self, path: &Path) -> Result<String> {
        let bytes = std::fs::metadata(path).map_err(|error| cannot("read", path, error))?.len();
        if let Some(alike) = self.0.get(&bytes) {
            let sha256 = sha256(path)?;
            if let Some((_, place)) = alike.iter().find(|(known, _)| *known == sha256) {
                return Ok(format!("is a copy of {place}: its rows would be counted twice"));
            }
        }
        Ok("was not committed: a foreign file, which readers of the folder would count".to_owned())
    }
}

/// Presence, size and checksum of every file of a partition, and files that nobody committed.
///
/// # Errors
/// [`crate::error::Code::Destination`] if the disk refuses to be read.
pub fn verify_files(store: &Store, state: &PartitionState, known: &KnownFiles) -> Result<Vec<Finding>> {
    let folder = store.partition_folder(&state.report, &state.partition);
    let mut findings = Vec::new();
    let mut found = |file: Option<&str>, is_foreign: bool, problem: String| {
        findings.push(Finding {
            report: state.report.clone(),
            partition: state.partition.clone(),
            file: file.map(str::to_owned),
            problem,
            is_foreign,
        });
    };
    let mut held = file_names(&folder)?;
    for file in state.committed.iter().flat_map(|committed| &committed.files) {
        if !held.remove(&file.name) {
            found(Some(&file.name), false, "is missing".to_owned());
        } else if let Some(problem) = file_problem(&folder.join(&file.name), file)? {
            found(Some(&file.name), false, problem);
        }
    }
    for name in held {
        let problem = known.describe_foreign(&folder.join(&name))?;
        found(Some(&name), true, problem);
    }
    if state.pending.is_some() {
        found(None, false, "has an unfinished commit: the next command that writes settles it".to_owned());
    }
    Ok(findings)
}

/// What lies in a table's folder and belongs to no partition that has a state.
///
/// # Errors
/// [`crate::error::Code::Destination`] if the disk refuses to be read.
pub fn strays(store: &Store, table: &str, known: &KnownFiles) -> Result<Vec<Finding>> {
    let partitions: BTreeSet<String> = store.partitions(table)?.into_iter().collect();
    if partitions.contains(UNPARTITIONED) {
        return Ok(Vec::new());
    }
    let folder = store.root().join(table);
    let mut findings = Vec::new();
    let mut entries = names(&folder)?;
    entries.sort();
    for name in entries.into_iter().filter(|name| !partitions.contains(name)) {
        let path = folder.join(&name);
        let mut found = |file: Option<String>, problem: String| {
            findings.push(Finding {
                report: table.to_owned(),
                partition: name.clone(),
                file,
                problem,
                is_foreign: true,
            });
        };
        if !path.is_dir() {
            found(None, known.describe_foreign(&path)?);
            continue;
        }
        found(None, "is a folder that no state names: readers would count what it holds".to_owned());
        for file in file_names(&path)? {
            let problem = known.describe_foreign(&path.join(&file))?;
            found(Some(file), problem);
        }
    }
    Ok(findings)
}

/// Files below `_backhaul/` that readers who glob hidden folders would take for data, from the destination's root on. What
/// a live process is putting in place is left out.
///
/// # Errors
/// [`crate::error::Code::Destination`] if the disk refuses to be read.
pub fn hidden_data(store: &Store) -> Result<Vec<String>> {
    let is_data = |name: &String| name.ends_with(".parquet");
    let mut found = Vec::new();
    for name in file_names(&store.system(""))?.into_iter().filter(is_data) {
        let staged = name.strip_prefix(STAGING).and_then(|name| name.strip_prefix('/'));
        let owner = staged.and_then(|name| name.split('/').next());
        if !owner.is_some_and(|owner| store.is_of_live_run(owner)) {
            found.push(format!("{SYSTEM_FOLDER}/{name}"));
        }
    }
    Ok(found)
}

/// What is wrong with a committed file as it lies there; nothing if it is what the manifest says.
///
/// # Errors
/// [`crate::error::Code::Destination`] if it cannot be read.
pub fn file_problem(path: &Path, entry: &FileEntry) -> Result<Option<String>> {
    let bytes = std::fs::metadata(path).map_err(|error| cannot("read", path, error))?.len();
    if bytes != entry.bytes {
        return Ok(Some(format!("has {bytes} bytes, the manifest says {}", entry.bytes)));
    }
    Ok((sha256(path)? != entry.sha256).then(|| "differs from its checksum in the manifest".to_owned()))
}

fn sha256(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(|error| cannot("open", path, error))?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).map_err(|error| cannot("read", path, error))?;
        if read == 0 {
            break;
        }
        digest.update(buffer.get(..read).unwrap_or_default());
    }
    Ok(hex(&digest.finalize()))
}
