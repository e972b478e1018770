//! Small files on a disk or in a bucket, behind one face: saved responses, nights, ledgers, promises.
//!
//! Names are relative, with `/` between folders; a folder exists while something lies in it. What begins with a dot is
//! nobody's business: files that are being written, and locks.
//!
//! What a bucket cannot promise, nobody may rely on: a removed name is not used again, since a removal whose answer was
//! lost may arrive late; and what [`Files::create_new`] writes tells its writer from every other.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::bucket::Bucket;
use super::{FileLock, cannot, durable, names, remove_tree, sync_dir};
use crate::error::{Code, Error, Result};

/// A change takes milliseconds; whoever holds a file longer is stuck.
const PATIENCE: Duration = Duration::from_mins(1);

/// A folder of small files.
#[derive(Debug, Clone)]
pub enum Files {
    /// On a local disk. What is written survives a power cut.
    Disk(PathBuf),
    /// In a bucket, below a folder of it.
    Bucket(Bucket, String),
}

impl Files {
    /// Puts `bytes` under a name, whole or not at all, replacing what was there.
    ///
    /// # Errors
    /// [`Code::Destination`], as every call here; what was there before is then untouched, or replaced unheard.
    pub async fn replace(&self, name: &str, bytes: impl Into<Bytes>) -> Result<()> {
        let bytes = bytes.into();
        match self {
            Self::Disk(root) => blocking(root.join(name), move |path| durable::replace(path, &bytes)).await,
            Self::Bucket(bucket, folder) => {
                let name = format!("{folder}/{name}");
                // By compare-and-swap: a plain write whose answer was lost could arrive after the next one, and undo it.
                // Contents must not come back to what they once were: some stores know versions by their content.
                loop {
                    let written = match bucket.head(&name).await? {
                        Some((_, version)) => bucket.compare_and_swap(&name, &version, bytes.clone()).await?,
                        None => bucket.put_if_absent(&name, bytes.clone()).await?,
                    };
                    if written.is_some() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Puts `bytes` under a name unless something is there already; says whether it did.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub async fn create_new(&self, name: &str, bytes: impl Into<Bytes>) -> Result<bool> {
        let bytes = bytes.into();
        match self {
            Self::Disk(root) => blocking(root.join(name), move |path| durable::create_new(path, &bytes)).await,
            Self::Bucket(bucket, folder) => {
                Ok(bucket.put_if_absent(&format!("{folder}/{name}"), bytes).await?.is_some())
            }
        }
    }

    /// Reads a file; `None` if there is none.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub async fn load(&self, name: &str) -> Result<Option<Bytes>> {
        match self {
            Self::Disk(root) => {
                blocking(root.join(name), |path| match std::fs::read(path) {
                    Ok(bytes) => Ok(Some(Bytes::from(bytes))),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(cannot("read", path, error)),
                })
                .await
            }
            Self::Bucket(bucket, folder) => {
                Ok(bucket.get(&format!("{folder}/{name}")).await?.map(|object| object.bytes))
            }
        }
    }

    /// Changes a file by what it holds, so that no other change in between is lost. `None` leaves it as it is.
    ///
    /// `change` may be asked more than once, and a change whose answer was lost may be made twice if another one came in
    /// between: what is added carries a name, and what stands there already is not added again.
    ///
    /// # Errors
    /// [`Code::Destination`], [`Code::Locked`] if another process does not let go of the file, or what `change` says.
    pub async fn change<F>(&self, name: &str, change: F) -> Result<()>
    where
        F: Fn(Option<&[u8]>) -> Result<Option<Vec<u8>>> + Send + 'static,
    {
        match self {
            Self::Disk(root) => {
                blocking(root.join(name), move |path| {
                    let _held = FileLock::acquire(&lock(path), &format!("process {}", std::process::id()), PATIENCE)?;
                    let before = match std::fs::read(path) {
                        Ok(bytes) => Some(bytes),
                        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                        Err(error) => return Err(cannot("read", path, error)),
                    };
                    match change(before.as_deref())? {
                        Some(next) => durable::replace(path, &next),
                        None => Ok(()),
                    }
                })
                .await
            }
            Self::Bucket(bucket, folder) => {
                let name = format!("{folder}/{name}");
                loop {
                    let before = bucket.get(&name).await?;
                    let Some(next) = change(before.as_ref().map(|object| object.bytes.as_ref()))? else {
                        return Ok(());
                    };
                    let written = match before {
                        Some(object) => bucket.compare_and_swap(&name, &object.version, next.into()).await?,
                        None => bucket.put_if_absent(&name, next.into()).await?,
                    };
                    if written.is_some() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Names of the files and folders directly in a folder, in order; none if there is no folder. The empty name is the
    /// folder of them all.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub async fn list(&self, folder: &str) -> Result<Vec<String>> {
        let mut listed = match self {
            Self::Disk(root) => blocking(root.join(folder), names).await?,
            Self::Bucket(bucket, root) => {
                let (mut objects, folders) = bucket.children(&format!("{root}/{folder}")).await?;
                objects.extend(folders);
                objects
            }
        };
        listed.retain(|name| !name.starts_with('.'));
        listed.sort();
        listed.dedup();
        Ok(listed)
    }

    /// Gives a file another name, which is free. A crash may leave it under both.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub async fn rename(&self, name: &str, to: &str) -> Result<()> {
        match self {
            Self::Disk(root) => {
                let to = root.join(to);
                blocking(root.join(name), move |path| {
                    std::fs::rename(path, &to).map_err(|error| cannot("rename", path, error))?;
                    path.parent().map_or(Ok(()), sync_dir)
                })
                .await
            }
            Self::Bucket(bucket, folder) => {
                let from = format!("{folder}/{name}");
                let Some(object) = bucket.get(&from).await? else {
                    return Err(Error::new(Code::Destination, format!("{}/{from} is not there", bucket.place())));
                };
                bucket.put_if_absent(&format!("{folder}/{to}"), object.bytes).await?;
                bucket.delete(&from).await
            }
        }
    }

    /// Removes a file; it may be absent.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub async fn remove(&self, name: &str) -> Result<()> {
        match self {
            Self::Disk(root) => {
                blocking(root.join(name), |path| match path.parent() {
                    Some(folder) if folder.exists() => durable::remove(path),
                    _ => Ok(()),
                })
                .await
            }
            Self::Bucket(bucket, folder) => bucket.delete(&format!("{folder}/{name}")).await,
        }
    }

    /// Removes a folder with all that is in it; it may be absent.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub async fn remove_all(&self, folder: &str) -> Result<()> {
        match self {
            Self::Disk(root) => blocking(root.join(folder), remove_tree).await,
            Self::Bucket(bucket, root) => {
                for listed in bucket.list(&format!("{root}/{folder}")).await? {
                    bucket.delete(&listed.name).await?;
                }
                Ok(())
            }
        }
    }

    /// When a file, or any file in a folder, last changed, by the clock of [`Files::now`]; `None` if there is none.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub async fn changed(&self, name: &str) -> Result<Option<DateTime<Utc>>> {
        match self {
            Self::Disk(root) => blocking(root.join(name), newest).await,
            Self::Bucket(bucket, folder) => {
                let name = format!("{folder}/{name}");
                match bucket.head(&name).await? {
                    Some((listed, _)) => Ok(Some(listed.changed)),
                    None => Ok(bucket.list(&name).await?.into_iter().map(|listed| listed.changed).max()),
                }
            }
        }
    }

    /// The time by the clock that says when files change: the store's own, never this machine's for a bucket.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub async fn now(&self) -> Result<DateTime<Utc>> {
        match self {
            Self::Disk(_) => Ok(SystemTime::now().into()),
            Self::Bucket(bucket, _) => bucket.now().await,
        }
    }
}

/// Runs disk work on a thread that may wait.
async fn blocking<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce(&std::path::Path) -> Result<T> + Send + 'static,
) -> Result<T> {
    let task = tokio::task::spawn_blocking(move || work(&path));
    task.await
        .unwrap_or_else(|error| Err(Error::new(Code::Internal, "a file operation ended early").with_source(error)))
}

fn lock(path: &std::path::Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.lock"))
}

fn newest(path: &std::path::Path) -> Result<Option<DateTime<Utc>>> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot("read", path, error)),
    };
    if metadata.is_file() {
        return metadata.modified().map(|changed| Some(changed.into())).map_err(|error| cannot("read", path, error));
    }
    let mut latest = None;
    for name in names(path)?.into_iter().filter(|name| !name.starts_with('.')) {
        latest = latest.max(newest(&path.join(name))?);
    }
    Ok(latest)
}
