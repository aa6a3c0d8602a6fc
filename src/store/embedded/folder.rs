//! The folder of an embedded store: made, locked, and for `memory:` deleted.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::store::OpenError;
use crate::token::push_hex;

/// Held for as long as anything of the store lives; unlocked, and deleted if temporary, when dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    temporary: bool,
    /// Its lock says who may write here; the file holds the process id.
    lock: File,
}

impl Folder {
    /// Makes the folder if it is absent and locks it.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        make(path)?;
        let lock = lock(path)?;
        Ok(Self { path: path.to_owned(), temporary: false, lock })
    }

    /// A folder of its own among the temporary files, deleted when dropped.
    pub(super) fn temporary() -> Result<Self, OpenError> {
        let mut random = [0; 12];
        getrandom::fill(&mut random)
            .map_err(|error| OpenError::Refused(format!("the system gives no random bytes: {error}")))?;
        let mut name = "tollgate-".to_owned();
        push_hex(&mut name, &random);
        let mut folder = Self::open(&std::env::temp_dir().join(name))?;
        folder.temporary = true;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Closing alone leaves the lock with a child process that was forked a moment ago and has not yet run exec.
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(path = %self.path.display(), %error, "the lock of the store was not released");
        }
        if self.temporary
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "a temporary store was not deleted");
        }
    }
}

/// Makes a folder, mode 0700, unless it is there.
pub(in crate::store) fn make(path: &Path) -> Result<(), OpenError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| refused(path, "cannot be made", &error))
}

/// What is wrong with a folder or file, and how to mend it.
pub(in crate::store) fn refused(path: &Path, what: &str, error: &io::Error) -> OpenError {
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied => "let the user that runs tollgate own it",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => "it must be a folder: move the file away",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on its disk",
        io::ErrorKind::ReadOnlyFilesystem => "its file system is mounted read-only: name a folder elsewhere",
        _ => "check store.url and store.data_dir",
    };
    OpenError::Refused(format!("{} {what}: {error}; {advice}", path.display()))
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join("tollgate.lock");
    let opened = File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = opened.map_err(|error| refused(&path, "cannot be opened", &error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Without a readable id the message does without it.
            let _ = file.read_to_string(&mut holder);
            let holder = match holder.trim().parse::<u32>() {
                Ok(pid) => format!("process {pid}"),
                Err(_) => "another process".to_owned(),
            };
            return Err(OpenError::Held(format!(
                "the embedded store at {} is in use by {holder}; stop that one, or name another folder in store.url",
                folder.display()
            )));
        }
        Err(TryLockError::Error(error)) => return Err(refused(&path, "cannot be locked", &error)),
    }
    let noted = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id()));
    noted.map_err(|error| refused(&path, "cannot be written", &error))?;
    Ok(file)
}
