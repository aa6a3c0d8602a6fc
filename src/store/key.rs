//! Where the key of the secret hash comes from.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use super::embedded::folder_refused;
use super::{KeySource, OpenError};
use crate::token::{HashKey, parse_hex, push_hex};

/// Loads the key, making it first if its file is absent and may be made. Beside a store that exists already (`kept`) a
/// fresh key would fit nothing, so none is made. Blocks.
pub(super) fn load(source: &KeySource, kept: Option<&Path>) -> Result<HashKey, OpenError> {
    let text = match source {
        KeySource::Given(secret) => Zeroizing::new(secret.expose().to_owned()),
        KeySource::File { path, create } => match read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && kept.is_some() => {
                let store = kept.unwrap_or(path).display();
                let advice = "put the file back, or name the one that holds the key in auth.hash_key_file";
                let text =
                    format!("{} is absent, but the store in {store} was made with it; {advice}", describe(source));
                return Err(OpenError::Refused(text));
            }
            Err(error) if *create && error.kind() == io::ErrorKind::NotFound => {
                make(path).map_err(|error| folder_refused(path, "cannot be made as hash key", &error))?;
                read(path).map_err(|error| unreadable(path, &error))?
            }
            read => read.map_err(|error| unreadable(path, &error))?,
        },
    };
    let text = text.trim();
    let decoded = Zeroizing::new(Some(text).filter(|text| text.len() == 2 * HashKey::LENGTH).and_then(parse_hex));
    let key = decoded.as_deref().unwrap_or(text.as_bytes());
    HashKey::new(key).map_err(|error| {
        let advice = "generate one with `openssl rand -hex 32`";
        OpenError::Refused(format!("{}: {error}; {advice}", describe(source)))
    })
}

/// Names the source for a message, never its content.
pub(super) fn describe(source: &KeySource) -> String {
    match source {
        KeySource::File { path, .. } => format!("the hash key in {}", path.display()),
        KeySource::Given(_) => "the hash key given as auth.hash_key or in its environment variable".to_owned(),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> OpenError {
    let advice = match error.kind() {
        io::ErrorKind::NotFound => "name the file that holds it in auth.hash_key_file",
        _ => "let the user that runs tollgate read it",
    };
    OpenError::Refused(format!("the hash key in {} cannot be read: {error}; {advice}", path.display()))
}

fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    fs::read_to_string(path).map(Zeroizing::new)
}

/// Makes the file with a fresh key, whole or not at all; one that another process has made meanwhile is left alone.
fn make(path: &Path) -> io::Result<()> {
    let mut text = Zeroizing::new(String::with_capacity(2 * HashKey::LENGTH + 1));
    push_hex(&mut text, HashKey::generate().as_slice());
    text.push('\n');
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}.new", std::process::id()));
    let draft = Path::new(&draft);
    // A draft is left by a process of the same id that was killed.
    let _ = fs::remove_file(draft);
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(draft)?;
    let linked = file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| {
        match fs::hard_link(draft, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    });
    fs::remove_file(draft)?;
    linked
}
