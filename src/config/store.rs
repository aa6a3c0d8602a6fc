//! `[store]`, the hash key of `[auth]`, `[activity]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::location::{Url, parse_url};
use super::reader::{Field, Section};
use super::secret::Secret;
use super::tree::quoted;
use crate::activity::{Durability, Retention};
use crate::store::{Config, KeySource, Location, RedisConfig, Topology};

/// Largest secret file, in bytes.
const LARGEST_SECRET: u64 = 64 * 1024;
/// Least bytes of a hash key.
const LEAST_KEY: usize = 32;
/// Bytes of activity kept on disk while Redis is away, if nothing is said, and the least that may be said.
const DEFAULT_SPOOL: u64 = 256 << 20;
const LEAST_SPOOL: u64 = 1 << 20;
/// Where state goes if nothing is said.
const DEFAULT_FOLDER: &str = "tollgate-data";

/// Reads `[store]`, `[auth]` and `[activity]`.
pub(super) fn store(root: &mut Section<'_>) -> Config {
    let (location, data_dir, timeout) = root.section("store", |section| {
        let url = section.take("url").map(|field| url(&field));
        let redis_only = RedisKeys::take(section);
        let data_dir = section.take("data_dir").and_then(|field| path(&field));
        let timeout = section.take("timeout");
        let timeout = timeout.and_then(|field| field.duration(Duration::from_millis(1)..=Duration::from_secs(60)));
        let base = &section.cx.base;
        let location = match url.unwrap_or_else(|| Some(Url::File(DEFAULT_FOLDER.to_owned()))) {
            Some(Url::Memory) => redis_only.refuse(Location::Memory),
            Some(Url::File(path)) => redis_only.refuse(Location::File(below(base, &path))),
            Some(Url::Redis(redis)) => Location::Redis(redis_only.apply(redis)),
            // Reported; what belongs to which store cannot be judged.
            None => Location::Memory,
        };
        let data_dir = data_dir.unwrap_or_else(|| match &location {
            Location::File(folder) => folder.clone(),
            _ => base.join(DEFAULT_FOLDER),
        });
        (location, data_dir, timeout)
    });
    let hash_key = root.section("auth", |section| hash_key(section, &data_dir));
    let shared = matches!(location, Location::Redis(_));
    let (retention, durability, spool) = root.section("activity", |section| {
        let (durability, spool) = spool(section, shared);
        (retention(section, shared), durability, spool)
    });
    let timeout = timeout.unwrap_or(Duration::from_millis(50));
    Config { location, data_dir, hash_key, timeout, retention, durability, spool }
}

/// The address may hold a password and is never shown.
fn url(field: &Field<'_>) -> Option<Url> {
    match parse_url(&field.secret_text()?) {
        Ok(url) => Some(url),
        Err(reason) => {
            field.error(reason);
            None
        }
    }
}

/// The keys that only a Redis store has.
struct RedisKeys<'c> {
    username: Option<Field<'c>>,
    password: Option<(Field<'c>, Option<Secret>)>,
    sentinel_username: Option<Field<'c>>,
    sentinel_password: Option<(Field<'c>, Option<Secret>)>,
    ca_file: Option<Field<'c>>,
    prefix: Option<Field<'c>>,
}

impl<'c> RedisKeys<'c> {
    fn take(section: &mut Section<'c>) -> Self {
        Self {
            username: section.take("username"),
            password: secret(section, "password", "password_file"),
            sentinel_username: section.take("sentinel_username"),
            sentinel_password: secret(section, "sentinel_password", "sentinel_password_file"),
            ca_file: section.take("ca_file"),
            prefix: section.take("prefix"),
        }
    }

    /// Reports each of them beside an embedded store.
    fn refuse(self, location: Location) -> Location {
        let passwords = [self.password, self.sentinel_password].map(|given| given.map(|(field, _)| field));
        let texts = [self.username, self.sentinel_username, self.ca_file, self.prefix];
        for field in texts.into_iter().chain(passwords).flatten() {
            field.error("belongs to a Redis store, and store.url names an embedded one: remove it");
        }
        location
    }

    fn apply(self, mut redis: RedisConfig) -> RedisConfig {
        if let Some(field) = self.username {
            if redis.username.is_some() {
                field.error("stands in store.url too: keep one of the two");
            }
            redis.username = field.parsed(user);
        }
        if let Some((field, password)) = self.password {
            if redis.password.is_some() {
                field.error("stands in store.url too: keep one of the two");
            }
            redis.password = password;
        }
        let (at_sentinels, secret_there) = match self.sentinel_password {
            Some((field, password)) => (Some(field), password),
            None => (None, None),
        };
        if let Topology::Sentinel { username, password, .. } = &mut redis.topology {
            *username = self.sentinel_username.and_then(|field| field.parsed(user));
            *password = secret_there;
        } else {
            for field in [self.sentinel_username, at_sentinels].into_iter().flatten() {
                field.error("belongs to redis-sentinel://, and store.url names no Sentinels: remove it");
            }
        }
        if let Some(field) = self.ca_file {
            if !redis.tls {
                let scheme = redis.scheme().replacen("redis", "rediss", 1);
                field.error(format!(
                    "belongs to {scheme}://, and store.url has no TLS: remove it, or write {scheme}://"
                ));
            }
            redis.ca_file = path(&field);
            if let Some(reason) = redis.ca_file.as_deref().and_then(unreadable) {
                field.error(reason);
            }
        }
        if let Some(prefix) = self.prefix.and_then(|field| field.parsed(prefix)) {
            redis.prefix = prefix;
        }
        redis
    }
}

fn user(text: &str) -> Result<String, String> {
    match text {
        "" => Err("is empty: write the ACL user, or remove the key".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

fn prefix(text: &str) -> Result<String, String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b':');
    if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{} cannot prefix keys: write 1 to 64 letters, digits, dots, colons, underscores or dashes",
        quoted(text)
    ))
}

/// A path below a folder, unless it is absolute; without the `./` that people write for themselves.
fn below(folder: &Path, path: &str) -> PathBuf {
    folder.join(path).components().collect()
}

/// A path; a relative one starts at the folder of the file.
pub(super) fn path(field: &Field<'_>) -> Option<PathBuf> {
    field.parsed(|text| match text {
        "" => Err("is empty: write a path, or remove the key".to_owned()),
        _ if text.contains('\0') => Err("holds a zero byte: write a path".to_owned()),
        _ => Ok(below(field.base(), text)),
    })
}

fn unreadable(path: &Path) -> Option<String> {
    let reason = match std::fs::File::open(path).and_then(|file| file.metadata()) {
        Ok(metadata) if metadata.is_dir() => "it is a folder".to_owned(),
        Ok(_) => return None,
        Err(error) => error.to_string(),
    };
    Some(format!("cannot read {}: {reason}; name a file that this user may read", path.display()))
}

/// Reads a secret, given directly or by the name of a file. The field is the one that was written; the secret is absent
/// if it could not be had.
fn secret<'c>(
    section: &mut Section<'c>,
    key: &'static str,
    file_key: &'static str,
) -> Option<(Field<'c>, Option<Secret>)> {
    match (section.take(key), section.take(file_key)) {
        (None, None) => None,
        (Some(direct), Some(file)) => {
            both(&direct, file_key);
            Some((file, None))
        }
        (Some(direct), None) => {
            let text = direct.secret_text().filter(|text| {
                if text.is_empty() {
                    direct.error("is empty: write the secret, or remove the key");
                }
                !text.is_empty()
            });
            Some((direct, text.map(Secret::new)))
        }
        (None, Some(file)) => {
            let content = path(&file).and_then(|path| match read_secret(&path) {
                Ok(secret) => Some(secret),
                Err(reason) => {
                    file.error(reason);
                    None
                }
            });
            Some((file, content))
        }
    }
}

fn both(direct: &Field<'_>, file_key: &str) {
    direct.error(format!("stands beside {file_key}: keep one of the two"));
}

/// The content of a secret file without surrounding blanks.
fn read_secret(path: &Path) -> Result<Secret, String> {
    if let Some(reason) = unreadable(path) {
        return Err(reason);
    }
    let refuse = |reason: &str| format!("cannot use {}: {reason}", path.display());
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > LARGEST_SECRET) {
        return Err(refuse("it is larger than 64KiB; write the secret alone into it"));
    }
    match std::fs::read_to_string(path).map(zeroize::Zeroizing::new) {
        Ok(text) if text.trim().is_empty() => Err(refuse("it is empty; write the secret into it")),
        Ok(text) => Ok(Secret::new(text.trim().to_owned())),
        Err(error) => Err(refuse(&format!("{error}; write the secret as text into it"))),
    }
}

/// Reads `hash_key` or `hash_key_file` of `[auth]`.
fn hash_key(section: &mut Section<'_>, data_dir: &Path) -> KeySource {
    let default = KeySource::File { path: data_dir.join("hash.key"), create: true };
    match (section.take("hash_key"), section.take("hash_key_file")) {
        (None, None) => default,
        (Some(direct), Some(_)) => {
            both(&direct, "hash_key_file");
            default
        }
        (Some(direct), None) => {
            let text = direct.secret_text().unwrap_or_default();
            let text = text.trim();
            if text.len() < LEAST_KEY {
                direct.error(KEY_TOO_SHORT);
            }
            KeySource::Given(Secret::new(text.to_owned()))
        }
        (None, Some(file)) => match path(&file) {
            Some(path) => {
                if let Some(reason) = unusable_key(&path, data_dir) {
                    file.error(reason);
                }
                KeySource::File { path, create: true }
            }
            None => default,
        },
    }
}

const KEY_TOO_SHORT: &str =
    "is shorter than 32 bytes: write 64 hex digits, such as those that \"openssl rand -hex 32\" prints";

/// Why a key file can neither be used nor made. An absent one is made, so its folder must be there, or be the data
/// folder, which is made too.
fn unusable_key(path: &Path, data_dir: &Path) -> Option<String> {
    if path.exists() {
        let short =
            |key: Secret| (key.expose().len() < LEAST_KEY).then(|| format!("{} {KEY_TOO_SHORT}", path.display()));
        return read_secret(path).map_or_else(Some, short);
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    let same = folder.components().eq(data_dir.components());
    (!same && !folder.is_dir())
        .then(|| format!("cannot make {}: its folder does not exist; make the folder", path.display()))
}

/// Reads `durability` and `spool` of `[activity]`.
fn spool(section: &mut Section<'_>, shared: bool) -> (Durability, u64) {
    let durability = section.take("durability").and_then(|field| {
        field.parsed(|text| match text {
            "async" => Ok(Durability::Async),
            "strict" => Ok(Durability::Strict),
            _ => Err(format!("{} is no durability: write \"async\" or \"strict\"", quoted(text))),
        })
    });
    let durability = durability.unwrap_or_default();
    let Some(field) = section.take("spool") else { return (durability, DEFAULT_SPOOL) };
    if !shared {
        field.error("keeps activity while Redis is away, and the embedded store is never away: remove it");
    }
    let spool = field.size(0..=1 << 40);
    if let Some(1..LEAST_SPOOL) = spool {
        field.error("is too small to be of use: write at least \"1MiB\", or 0 for none");
    }
    if shared && spool == Some(0) && durability == Durability::Strict {
        field.error("is off, but durability = \"strict\" puts each event there before its answer: write a size");
    }
    (durability, spool.unwrap_or(DEFAULT_SPOOL))
}

/// Reads the rest of `[activity]`.
fn retention(section: &mut Section<'_>, shared: bool) -> Retention {
    let default = Retention::default();
    let per_token = section.take("per_token").and_then(|field| field.integer(1..=1_000_000));
    let day = Duration::from_secs(86_400);
    let max_age = section.take("max_age").and_then(|field| field.duration(Duration::from_secs(60)..=3_650 * day));
    let max_bytes = section.take("max_bytes");
    if let (true, Some(field)) = (shared, &max_bytes) {
        field.error("bounds the embedded store only; Redis keeps per_token and max_age: remove it");
    }
    let max_bytes = max_bytes.and_then(|field| field.size(1 << 20..=16 << 40));
    Retention {
        per_token: per_token.and_then(|count| usize::try_from(count).ok()).unwrap_or(default.per_token),
        max_age: max_age.unwrap_or(default.max_age),
        max_bytes: max_bytes.unwrap_or(default.max_bytes),
    }
}
